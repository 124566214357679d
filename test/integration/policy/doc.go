// Package policy holds the tests of config/policy on a real API server: who may ask what of a Rollout, and that nobody
// but the controller can write the rest of its status.
package policy
