package faultgateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// seconds after an arbitrary beginning.
func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func lag(seconds float64) metav1.Duration {
	return metav1.Duration{Duration: time.Duration(seconds * float64(time.Second))}
}

// change is something that the informers show at a moment.
type change struct {
	at     float64
	routes bool // else endpoints
}

// play lets time pass in tenths of a second and says when the replica had which entries: "at routes/endpoints".
func play(t *testing.T, faults Faults, index int, changes []change, until float64) []string {
	t.Helper()
	var routes history[*table.Table]
	var endpoints history[*table.Endpoints]
	r := &replica{index: index}
	var log []string
	for tenth := range int(until*10) + 1 {
		now := float64(tenth) / 10
		for _, c := range changes {
			if int(c.at*10+0.5) != tenth {
				continue
			}
			if c.routes {
				routes.add(at(now), &table.Table{})
			} else {
				endpoints.add(at(now), &table.Endpoints{})
			}
		}
		followed, wake := r.follow(&routes, &endpoints, faults, at(now))
		if followed {
			log = append(log, fmt.Sprintf("%.1f %d/%d", now, r.routes.at, r.endpoints.at))
		}
		if !wake.IsZero() && !wake.After(at(now)) {
			t.Errorf("at %.1f: the wake-up at %s is not in the future", now, wake)
		}
		routes.forget(r.routes.at)
		endpoints.forget(r.endpoints.at)
	}
	return log
}

func TestLags(t *testing.T) {
	changes := []change{{0, true}, {0, false}, {1, true}, {1.5, false}, {1.6, true}, {4, true}}
	for name, tc := range map[string]struct {
		faults Faults
		index  int
		want   string
	}{
		"none":                      {Faults{}, 0, "[0.0 1/1 1.0 2/1 1.5 2/2 1.6 3/2 4.0 4/2]"},
		"routes":                    {Faults{RouteLag: lag(2)}, 0, "[2.0 1/2 3.0 2/2 3.6 3/2 6.0 4/2]"},
		"endpoints":                 {Faults{EndpointLag: lag(2)}, 0, "[2.0 3/1 3.5 3/2 4.0 4/2]"},
		"skew of another":           {Faults{Skew: []Skew{{Routes: lag(2)}}}, 1, "[0.0 1/1 1.0 2/1 1.5 2/2 1.6 3/2 4.0 4/2]"},
		"skew of its own":           {Faults{RouteLag: lag(1), Skew: []Skew{{}, {Routes: lag(1)}}}, 1, "[2.0 1/2 3.0 2/2 3.6 3/2 6.0 4/2]"},
		"throttled, first at once":  {Faults{Throttle: lag(2)}, 0, "[0.0 1/1 2.0 3/2 4.0 4/2]"},
		"throttled behind a lag":    {Faults{Throttle: lag(2), RouteLag: lag(1)}, 0, "[2.0 2/2 4.0 3/2 6.0 4/2]"},
		"an endless throttle stops": {Faults{Throttle: lag(60)}, 0, "[0.0 1/1]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(play(t, tc.faults, tc.index, changes, 8)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// A replica never goes back to what it had before, whatever becomes of the lag.
func TestALagThatGrowsTakesNothingBack(t *testing.T) {
	var routes history[*table.Table]
	var endpoints history[*table.Endpoints]
	endpoints.add(at(0), &table.Endpoints{})
	routes.add(at(0), &table.Table{})
	routes.add(at(1), &table.Table{})
	r := &replica{}
	r.follow(&routes, &endpoints, Faults{}, at(1))
	if followed, _ := r.follow(&routes, &endpoints, Faults{RouteLag: lag(10)}, at(2)); followed || r.routes.at != 2 {
		t.Errorf("the replica is at %d", r.routes.at)
	}
	routes.add(at(3), &table.Table{})
	if followed, wake := r.follow(&routes, &endpoints, Faults{RouteLag: lag(10)}, at(3)); followed || !wake.Equal(at(13)) {
		t.Errorf("followed %v, wake %s", followed, wake)
	}
}

func TestHistoryForgets(t *testing.T) {
	var h history[int]
	for i := range 10 {
		h.add(at(float64(i)), i)
	}
	h.forget(8)
	if entry, ok := h.get(8); !ok || entry.value != 7 || h.upTo(at(100)) != 10 || h.upTo(at(7.5)) != 8 {
		t.Errorf("%+v %v", entry, ok)
	}
	if _, ok := h.get(7); ok {
		t.Error("an entry before is still there")
	}
	h.forget(100)
	if _, ok := h.get(10); !ok {
		t.Error("the newest entry was forgotten")
	}
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		faults Faults
		says   string
	}{
		"none":         {Faults{}, ""},
		"negative":     {Faults{RouteLag: lag(-1)}, "routeLag"},
		"long":         {Faults{StatusLag: lag(61)}, "statusLag"},
		"skew":         {Faults{Skew: []Skew{{}, {Endpoints: lag(61)}}}, "skew[1].endpoints"},
		"replicas":     {Faults{Skew: make([]Skew, 3)}, "there are 2"},
		"a route":      {Faults{Refused: []string{"shop/web", "*"}}, ""},
		"not a route":  {Faults{Silent: []string{"web"}}, "silent"},
		"all together": {Faults{StatusLag: lag(1), RouteLag: lag(60), Throttle: lag(2), Skew: make([]Skew, 2)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.faults.Validate(2)
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func TestReached(t *testing.T) {
	var requests []Served
	for i := range 1000 {
		s := Served{At: at(float64(i))}
		s.Service.Name = "stable"
		if i >= 400 && i%2 == 0 {
			s.Service.Name = "canary"
		}
		requests = append(requests, s, Served{At: s.At, Mirrored: true})
	}
	canary := func(s Served) bool { return s.Service.Name == "canary" }
	if hits, total := Share(requests, canary); hits != 300 || total != 1000 {
		t.Errorf("%d of %d", hits, total)
	}
	reached, ok := Reached(requests, canary, 50, 200)
	if seconds := reached.Sub(at(0)).Seconds(); !ok || seconds < 300 || seconds > 400 {
		t.Errorf("50 %% from second %v", seconds)
	}
	if reached, ok := Reached(requests, canary, 0, 100); !ok || !reached.Equal(at(0)) {
		t.Errorf("0 %% from %s", reached)
	}
	if _, ok := Reached(requests, canary, 100, 10); ok {
		t.Error("100 % was never there")
	}
}
