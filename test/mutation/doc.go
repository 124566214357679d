// Package mutation proves that the tests of a package see: it makes small faults in it, one at a time, and counts how
// many of them the tests find.
//
// All faults are built into one program (schemata). A package is read and type-checked (load.go), every place at which a
// fault can be made is found (find.go, with the kinds of faults in operators.go), and the package is written anew with
// each of these places asking whether its fault is the one that is switched on (rewrite.go, and runtime/ for what is
// asked). The new text reaches the compiler as an overlay, so that the tree is never touched, and each test binary is
// built once (build.go). Then the binaries, called rungs, run once for every mutant with its number in the environment,
// the cheapest first, until one fails (run.go). A rung that never comes to the place of a mutant is not run for it.
// An endless loop ends by a timeout, and one that eats memory by a watchdog: both count as killed.
//
// A mutant that survives means a missing test, dead code, or that it is equivalent: that no test could tell it from the
// original. Equivalent ones are listed with the reason in a reviewed file (ledger.go), by function, text and kind of
// fault rather than by line, so that an edit elsewhere does not touch them.
package mutation
