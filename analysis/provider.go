package analysis

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// ErrNoData is wrapped by a provider's error when there is no value to judge: it could not be reached, did not answer in
// time, or had nothing. It says nothing about the release. Any other error of a provider is one of the metric itself,
// such as a query that does not parse.
var ErrNoData = errors.New("no data")

// Reading is what a provider answered.
type Reading struct {
	// Value is what conditions see as result: a float64 or a []float64 with at least one element.
	Value any
	// Note is what the provider had to say about the value, such as that it is partial; mostly empty.
	Note string
}

// Provider measures. Implementations are safe for concurrent use, give up when ctx ends, and bound what they read.
type Provider interface {
	// Measure asks once. See ErrNoData for the two kinds of errors.
	Measure(ctx context.Context, metric v1alpha1.MetricProvider) (Reading, error)
}

// ProviderPrometheus is the kind of provider that speaks PromQL.
const ProviderPrometheus = "prometheus"

// Providers are the providers by their kind.
type Providers map[string]Provider

// Kind is the name of the field that is set: a provider's kind, or empty where there is none.
func Kind(p v1alpha1.MetricProvider) string {
	if p.Prometheus != nil {
		return ProviderPrometheus
	}
	return ""
}

// For gives the provider of a metric. The error names the kind that is missing.
func (p Providers) For(metric v1alpha1.MetricProvider) (Provider, error) {
	provider, ok := p[Kind(metric)]
	if !ok {
		return nil, fmt.Errorf("provider %q is not set up in this controller", Kind(metric))
	}
	return provider, nil
}
