// Package trafficroutingtest is what every trafficrouting.Router has to pass: not only what it writes, but what a data
// plane makes of it.
//
//	func TestRouter(t *testing.T) { trafficroutingtest.Run(t, myWorld, trafficroutingtest.Config{…}) }
//
// A World is a cluster with something that splits traffic; a Scene is a place in it with three Services, "stable",
// "canary" and "other", whose pods answer with the name of their Service. The suite makes routes in scenes, moves their
// weights with the Router, and sends requests. What a World can do beyond that (refuse a route, let the data plane lag)
// it says by further methods; what needs them is skipped where they are not there, and says so.
//
// The cases:
//
//   - weights: 0, 1, 50, 99 and 100 percent are acknowledged, and then observed
//   - other backends: the user's own backends keep their proportions; several rules, and a rule without the stable Service
//   - leaves no trace: after Restore spec, annotations and ownership are those of before, and the owner applies without force
//   - writes once: what is there already is not written again
//   - other writers: a conflict is tried again, and what the other one wrote stays
//   - problems: a route or a Service that is missing is reported, with a reason
//   - selected: routes are found by their labels
//   - acknowledged: only for the present generation
//   - refused: a route that the gateway refuses is never acknowledged, and its weight can still be taken back
//   - gone: no request goes to the canary later than Settle after the removal of its weight was acknowledged. With a data
//     plane that lags by more than Settle some must, or the case could not see any
package trafficroutingtest
