package gatewayapi

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
)

// asked counts what a mapper is asked.
type asked struct {
	meta.RESTMapper

	times int
	err   error
}

func (a *asked) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	a.times++
	if a.err != nil {
		return nil, a.err
	}
	return a.RESTMapper.RESTMapping(kind, versions...)
}

// A kind is used in the preferred one of the versions that are served.
func TestServed(t *testing.T) {
	for kind, tc := range map[string]struct {
		served []string
		want   string
	}{
		"HTTPRoute":      {[]string{"HTTPRoute.v1beta1", "HTTPRoute.v1"}, "v1"},
		"TCPRoute":       {[]string{"TCPRoute.v1alpha2", "TCPRoute.v1"}, "v1"},
		"TLSRoute":       {[]string{"TLSRoute.v1alpha2"}, "v1alpha2"},
		"ReferenceGrant": {[]string{"ReferenceGrant.v1beta1"}, "v1beta1"},
		"GRPCRoute":      {[]string{"GRPCRoute.v1alpha2"}, ""},
		"UDPRoute":       {[]string{"UDPRoute.v1"}, ""},
	} {
		found, ok, err := NewKinds(serving(tc.served...), clocktesting.NewFakePassiveClock(time.Now())).Served(kind)
		if err != nil || ok != (tc.want != "") || found.Version != tc.want {
			t.Errorf("%s: %v, %t, %v; want %q", kind, found, ok, err, tc.want)
		}
	}
}

// A kind that is not served is asked for again after a while; one that is served is not, unless it is forgotten.
func TestServedLater(t *testing.T) {
	mapper := &asked{RESTMapper: serving("HTTPRoute.v1")}
	clock := clocktesting.NewFakePassiveClock(time.Now())
	kinds := NewKinds(mapper, clock)
	served := func(want bool) {
		t.Helper()
		if _, ok, err := kinds.Served("TCPRoute"); ok != want || err != nil {
			t.Fatalf("served: %t, %v", ok, err)
		}
	}
	served(false)
	served(false)
	if mapper.times != 2 { // once for each version
		t.Errorf("the API server was asked %d times", mapper.times)
	}
	mapper.RESTMapper = serving("TCPRoute.v1alpha2")
	clock.SetTime(clock.Now().Add(notServedFor))
	served(true)
	at := mapper.times
	served(true)
	if mapper.times != at {
		t.Error("what is served is not asked for again")
	}
	mapper.RESTMapper = serving("TCPRoute.v1")
	kinds.forget("TCPRoute")
	if found, ok, err := kinds.Served("TCPRoute"); !ok || err != nil || found.Version != "v1" {
		t.Errorf("after a new definition: %v, %t, %v", found, ok, err)
	}
	kinds.forget("TCPRoute")
	mapper.err = errors.New("down")
	if _, _, err := kinds.Served("TCPRoute"); !errors.Is(err, mapper.err) {
		t.Errorf("a server that cannot be asked: %v", err)
	}
}
