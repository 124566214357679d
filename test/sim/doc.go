// Package sim lets many Rollouts at fleet size live through long random lives with faults, in memory.
//
// A life (life.go) is one Rollout of the model's world, larger than the model's: up to 50 pods, random strategies
// (scenario.go) that are changed in mid-release, four thousand and more things that happen, most of which would happen by
// themselves, and what an adversary does from time to time, of all the kinds that the model knows. Each step of it is
// checked as the model checks it: the engine's invariants for every prefix of every plan against the true world, no
// request lost by what the controller did. At the end the adversary is quiet, and the world has to come to rest as it
// should.
//
// A fleet (fleet.go) is many lives side by side, one step of one of them at a time. Every life has a seed of its own and
// is the same when it is lived alone. A life that ends badly is made shorter (shrink.go), and printed with its seed.
package sim
