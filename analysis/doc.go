// Package analysis measures metrics and judges them.
//
// The way of a verdict, each part usable and tested without the others:
//
//	AnalysisTemplates + arguments --NewRunSpec--> the spec of an AnalysisRun, with every problem found beforehand
//	spec --Resolve--> []Metric: arguments filled in, conditions compiled, limits read
//	Metric --Measure--> one measurement, by a Provider (package prometheus) and the conditions (package condition)
//	measurements --evaluate--> verdicts and the next time to look (package evaluate, pure)
//
// The reconciler of AnalysisRuns joins them; nothing here knows of controllers.
package analysis
