// Package condition compiles and evaluates the conditions of metrics: CEL expressions over result.
//
// All numbers are doubles. Integer literals are promoted when a condition is compiled, so that result[0] > 1,
// result * 100 >= 99.5 and len(result) - 1 mean what they say. Besides CEL's own functions there are
//
//	len(x)        how many elements a list has, or letters a text
//	asFloat(x)    a number or a text as a number
//	asInt(x)      the same, cut to its whole part
//	isNaN(x)      whether a number is NaN, which a query gives for 0/0
//	isInf(x)      whether a number is infinite
//	isNil(x)      whether there is nothing
//	default(x, d) x, or d where x is nothing, an empty list or an element that a list lacks
//
// An order with NaN is neither true nor false: such a condition gives an error, which counts as an error of the
// measurement and not as a failure. Conditions written for Argo Rollouts that CEL does not know are refused with the CEL
// that says the same.
//
// Size, depth and cost of a condition are bounded, so that no condition can hold the controller up.
package condition
