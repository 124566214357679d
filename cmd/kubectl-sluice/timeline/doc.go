// Package timeline shows what the controller would do with the Rollout of some manifests: it makes a scenario of them,
// has it played by the engine of the controller, and writes the result for people or for programs.
package timeline
