// Package explore is the rung of the mutation tests that explores: the first states of some of the model's scopes, and a
// few lives of the simulation, in a second or so.
package explore
