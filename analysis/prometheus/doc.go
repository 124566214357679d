// Package prometheus measures metrics by PromQL, on Prometheus and whatever else speaks its API.
//
// An instant query is asked at the server's own present. A vector gives the list of its values, a scalar one number; a
// matrix and native histograms are refused with what to write instead. An empty vector, an address that cannot
// be reached, a server's error and an answer that is no answer are all "no data": see analysis.ErrNoData. Only what
// the server says of the query itself, and what Sluice refuses, are errors of the metric.
//
// Whoever may write an AnalysisTemplate chooses an address that the controller then asks, from its own place in the
// network. So the address that a name resolves to is checked as the connection is made: loopback (the controller's own
// ports), link-local and the clouds' metadata services are refused. No redirect to another host is followed, no proxy is
// used, nothing of an answer that is not Prometheus's is shown, and size and number of series are bounded.
package prometheus
