package model

import "testing"

func BenchmarkExplore(b *testing.B) {
	for _, scope := range Scopes() {
		if scope.Name != "routed, every move" {
			continue
		}
		scope.MaxStates = 100_000
		for b.Loop() {
			result := Explore(&scope)
			b.ReportMetric(float64(result.States)/b.Elapsed().Seconds(), "states/s")
			b.Log(result)
		}
	}
}
