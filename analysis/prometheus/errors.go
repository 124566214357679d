package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/sluicehq/sluice/analysis"
)

// refusedError is what Sluice itself will not do. It is an error of the metric: asking again does not help.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

// explain sorts an error into an outage (analysis.ErrNoData) or an error of the metric. Of a server that does not answer
// like Prometheus nothing but the status code is told: it may be any server.
func explain(err error) error {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused
	}
	if answer, ok := errors.AsType[*promv1.Error](err); ok {
		switch answer.Type {
		case promv1.ErrBadData:
			return fmt.Errorf("the server refuses the query: %s", answer.Msg)
		case promv1.ErrExec:
			// The engine reports a storage that cannot be read under the same type as a query that cannot be run.
			if strings.HasPrefix(answer.Msg, "expanding series") {
				return fmt.Errorf("%w: %s", analysis.ErrNoData, answer.Msg)
			}
			return fmt.Errorf("the server cannot run the query: %s", answer.Msg)
		case promv1.ErrBadResponse:
			return fmt.Errorf("%w: the answer is not one of Prometheus with numbers", analysis.ErrNoData)
		case promv1.ErrTimeout, promv1.ErrCanceled, promv1.ErrServer, promv1.ErrClient:
			return fmt.Errorf("%w: %s", analysis.ErrNoData, answer.Msg)
		}
		return fmt.Errorf("%w: the server answers with an error of type %q", analysis.ErrNoData, answer.Type)
	}
	// The URL of url.Error adds nothing but length: the address is in the spec.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("%w: %w", analysis.ErrNoData, err)
}
