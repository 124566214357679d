// Package explore is the rung of the mutation tests that explores: small scopes of the model, and a few simulated releases.
package explore
