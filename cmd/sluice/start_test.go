package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
)

// kinds is a cluster that serves some kinds; it answers with err where that is set.
type kinds struct {
	meta.RESTMapper
	served []string
	err    error
}

func (k *kinds) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if k.err != nil {
		return nil, k.err
	}
	if slices.Contains(k.served, kind.Kind) {
		return &meta.RESTMapping{}, nil
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind, SearchedVersions: versions}
}

func TestCheckOwnKinds(t *testing.T) {
	all := []string{"Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "GitSync"}
	if err := checkOwnKinds(&kinds{served: all}); err != nil {
		t.Errorf("all are there: %v", err)
	}
	err := checkOwnKinds(&kinds{served: all[:4]})
	if err == nil || !strings.Contains(err.Error(), "GitSync") || !strings.Contains(err.Error(), "config/crd") {
		t.Errorf("got %v, want the missing kind and what to install", err)
	}
	if err := checkOwnKinds(&kinds{err: errors.New("connection refused")}); err == nil || strings.Contains(err.Error(), "config/crd") {
		t.Errorf("got %v: that a cluster cannot be asked is no reason to install anything", err)
	}
}

func TestWarnWithoutGatewayAPI(t *testing.T) {
	for name, c := range map[string]struct {
		cluster *kinds
		want    string
	}{
		"there":       {&kinds{served: []string{"HTTPRoute"}}, ""},
		"missing":     {&kinds{}, "The Gateway API is not installed"},
		"unreachable": {&kinds{err: errors.New("connection refused")}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var logged strings.Builder
			warnWithoutGatewayAPI(c.cluster, funcr.New(func(_, args string) { logged.WriteString(args) }, funcr.Options{}))
			if got := logged.String(); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("it logs %q, want %q", got, c.want)
			}
		})
	}
}

// filled is a cache that is in sync, or waits until it is told to end.
type filled struct {
	ctrlcache.Cache
	done bool
}

func (f filled) WaitForCacheSync(ctx context.Context) bool {
	if !f.done {
		<-ctx.Done()
	}
	return f.done
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		request := httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil)
		empty := &cacheSynced{cache: filled{}}
		if empty.Check(request) == nil {
			t.Error("ready before it started")
		}
		if err := empty.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if empty.Check(request) == nil {
			t.Error("ready with an empty cache")
		}
		full := &cacheSynced{cache: filled{done: true}}
		if err := full.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := full.Check(request); err != nil {
			t.Errorf("not ready: %v", err)
		}
	})
}
