// Package forecast plays a release ahead: it asks plan.Next, the engine of the controller itself, what it would do in a
// world in which nothing goes wrong by itself, and writes down what was decided, when and why. It is pure: the clock is
// the played one, and nothing is read.
//
// In that world pods become ready in a given time, endpoints follow at once, gateways acknowledge at once, analyses
// succeed in a given time, and somebody promotes where a release waits for somebody. What goes wrong, and what people
// do besides, is told as Events; see ParseEvents for how they are written.
//
// Where to look: world.go is the cluster that is played, act.go what actions do to it, event.go what may happen,
// play.go how time passes.
package forecast
