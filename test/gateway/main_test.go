package main

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	s, err := parse(strings.Fields("-replicas 2 -seed 7 -status-lag 1s -route-lag 5s -endpoint-lag 3s -throttle 2s -skew 0s/0s,2s/5s" +
		" -silent shop/web,shop/api -refused * -drop-refused -lack-features HTTPRouteRequestMirror -listen 127.0.0.1:8000"))
	if err != nil {
		t.Fatal(err)
	}
	f := s.options.Faults
	if s.options.Replicas != 2 || s.options.Seed != 7 || s.options.Listen != "127.0.0.1:8000" || f.StatusLag.Duration != time.Second ||
		f.RouteLag.Duration != 5*time.Second || f.EndpointLag.Duration != 3*time.Second || f.Throttle.Duration != 2*time.Second ||
		len(f.Skew) != 2 || f.Skew[1].Endpoints.Duration != 5*time.Second || len(f.Silent) != 2 || f.Refused[0] != "*" ||
		!f.DropRefused || f.LackFeatures[0] != "HTTPRouteRequestMirror" {
		t.Errorf("%+v", s.options)
	}
	for line, says := range map[string]string{
		"-route-lag 2m":        "routeLag",
		"-skew 1s":             "ROUTES/ENDPOINTS",
		"-skew 1s/x":           "invalid duration",
		"-skew 1s/1s,1s/1s":    "there are 1",
		"-refused web":         "namespace/name",
		"-route-lag -1s":       "routeLag",
		"another":              "unexpected argument",
		"-skew 1s/1s extra":    "unexpected argument",
		"-no-such-flag":        "not defined",
		"-status-lag sometime": "invalid value",
	} {
		if _, err := parse(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", line, err, says)
		}
	}
}
