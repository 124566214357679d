// Package adoption makes a Rollout that takes over a running Deployment: of the Deployment, and of the Services and routes
// that its traffic goes through. What stands in the way, and what is left to a person, is said before anything is written.
package adoption
