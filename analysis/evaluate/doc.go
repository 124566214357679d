// Package evaluate turns measurements into verdicts. It is pure: no input or output, no clock, no state of its own.
// Times are arguments, the next time to look is a result, and all that a run has to remember is in Run, so that a
// restarted controller resumes exactly.
//
// A measurement is Successful, Failed or Inconclusive by its conditions, Error where they could not be evaluated, and
// Pending where there was no data: the provider could not be reached or had nothing. The first three are counted towards
// count. Errors are not, and too many in a row end the metric. No data is neither: it changes no counter that decides,
// and only the metric's own policy says what a gap of a certain length means.
//
// A metric is never Successful without a successful measurement, unless its policy says that no data is a pass; and
// what is completed never changes.
package evaluate
