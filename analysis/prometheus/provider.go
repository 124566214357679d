package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// maxSeries is how many series an answer may have.
const maxSeries = 1000

// Options are the choices of a Provider.
type Options struct {
	// Address is asked by metrics that name none, such as http://prometheus.monitoring:9090; empty means that every
	// metric must name one.
	Address string
	// AllowLoopback lets metrics name an address of the controller's own host. Address may be one in any case.
	AllowLoopback bool
}

// Provider asks a Prometheus. It holds connections open between measurements.
type Provider struct {
	address string
	// client asks what templates name, trusted what whoever started the controller names.
	client, trusted *http.Client
}

var _ analysis.Provider = (*Provider)(nil)

// New makes a Provider. The error says what is wrong with the options.
func New(opts Options) (*Provider, error) {
	if opts.Address != "" {
		if err := checkAddress(opts.Address); err != nil {
			return nil, err
		}
	}
	return &Provider{address: opts.Address, client: newClient(opts.AllowLoopback), trusted: newClient(true)}, nil
}

// Measure implements analysis.Provider.
func (p *Provider) Measure(ctx context.Context, metric v1alpha1.MetricProvider) (analysis.Reading, error) {
	spec := metric.Prometheus
	if spec == nil {
		return analysis.Reading{}, fmt.Errorf("provider.prometheus is not set")
	}
	address, asker := spec.Address, p.client
	if address == "" {
		address, asker = p.address, p.trusted
	}
	if address == "" {
		return analysis.Reading{}, fmt.Errorf("no address: set provider.prometheus.address, or start the controller with" +
			" --prometheus-address")
	}
	if err := checkAddress(address); err != nil {
		return analysis.Reading{}, err
	}
	client, err := api.NewClient(api.Config{Address: address, Client: asker})
	if err != nil {
		return analysis.Reading{}, fmt.Errorf("address %q: %w", address, err)
	}
	answer, warnings, _, err := promv1.NewAPI(client).Query(ctx, spec.Query, time.Time{}, limits(spec)...)
	if err != nil {
		return analysis.Reading{}, explain(err)
	}
	value, err := read(answer)
	if err != nil {
		return analysis.Reading{}, err
	}
	return analysis.Reading{Value: value, Note: strings.Join(warnings, "; ")}, nil
}

// limits lets the server give up when we do.
func limits(spec *v1alpha1.PrometheusMetric) []promv1.Option {
	if spec.TimeoutSeconds == nil {
		return nil
	}
	return []promv1.Option{promv1.WithTimeout(time.Duration(*spec.TimeoutSeconds) * time.Second)}
}

// checkAddress accepts the addresses that can be asked at all.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("address cannot be read: want a form such as http://prometheus.monitoring:9090")
	}
	if u.User != nil {
		return fmt.Errorf("address of host %q holds credentials: they cannot be given there", u.Host)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("address %q: want a form such as http://prometheus.monitoring:9090", address)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("address %q: must have neither query nor fragment", address)
	}
	return nil
}

// read turns an answer into what conditions see.
func read(answer model.Value) (any, error) {
	switch v := answer.(type) {
	case *model.Scalar:
		return float64(v.Value), nil
	case model.Vector:
		return readVector(v)
	case model.Matrix:
		return nil, fmt.Errorf("the query gives a range of values (matrix): take one value for each series," +
			" such as by rate(x[1m]) or avg_over_time(x[5m])")
	}
	return nil, fmt.Errorf("%w: the answer is not one of Prometheus with numbers", analysis.ErrNoData)
}

func readVector(v model.Vector) (any, error) {
	if len(v) == 0 {
		return nil, fmt.Errorf("%w: the query gives no series", analysis.ErrNoData)
	}
	if len(v) > maxSeries {
		return nil, fmt.Errorf("the query gives %d series: at most %d are read, aggregate them", len(v), maxSeries)
	}
	values := make([]float64, len(v))
	for i, sample := range v {
		if sample.Histogram != nil {
			return nil, fmt.Errorf("the query gives native histograms: take a number of them, such as by" +
				" histogram_quantile(0.99, x)")
		}
		values[i] = float64(sample.Value)
	}
	return values, nil
}
