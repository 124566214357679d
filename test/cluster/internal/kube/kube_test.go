package kube

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/test/cluster/internal/manifests"
)

func TestPathOf(t *testing.T) {
	for want, object := range map[string]manifests.Object{
		"/api/v1/namespaces/a":            {APIVersion: "v1", Kind: "Namespace", Name: "a"},
		"/api/v1/namespaces/a/services/b": {APIVersion: "v1", Kind: "Service", Namespace: "a", Name: "b"},
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/a:b": {
			APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "a:b",
		},
	} {
		if got, err := pathOf(object); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := pathOf(manifests.Object{APIVersion: "v1", Kind: "Thing", Name: "a"}); err == nil {
		t.Error("an unknown kind was given a path")
	}
}

// serve gives a client of a server that answers with the handler.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return New(strings.TrimPrefix(server.URL, "https://"), "secret", authority)
}

func TestApplyWaitsForAKindToBeKnown(t *testing.T) {
	var asked atomic.Int32
	client := serve(t, func(out http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil || string(body) != "the text" || request.Header.Get("Authorization") != "Bearer secret" {
			http.Error(out, "bad request", http.StatusBadRequest)
			return
		}
		if asked.Add(1) < 3 {
			http.Error(out, `{"message":"the server could not find the requested resource"}`, http.StatusNotFound)
		}
	})
	object := manifests.Object{APIVersion: "v1", Kind: "Namespace", Name: "a", YAML: []byte("the text")}
	if err := client.Apply(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestApplyTellsARefusal(t *testing.T) {
	client := serve(t, func(out http.ResponseWriter, _ *http.Request) {
		http.Error(out, `{"message":"field spec.x is wrong"}`, http.StatusUnprocessableEntity)
	})
	err := client.Apply(t.Context(), manifests.Object{APIVersion: "v1", Kind: "Service", Namespace: "n", Name: "a"})
	if err == nil || !strings.Contains(err.Error(), "Service n/a") || !strings.Contains(err.Error(), "field spec.x is wrong") {
		t.Errorf("error %v does not say what was refused and why", err)
	}
}

func TestPollTellsWhyItsContextEnded(t *testing.T) {
	reason := errors.New("a part has ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Poll(ctx, func(context.Context) (bool, error) {
		cancel(reason)
		return false, nil
	})
	if !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestWaitCondition(t *testing.T) {
	var asked atomic.Int32
	client := serve(t, func(out http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			http.Error(out, "{}", http.StatusNotFound)
		case 2:
			_, _ = io.WriteString(out, `{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`)
		default:
			_, _ = io.WriteString(out, `{"status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}}`)
		}
	})
	if err := client.WaitCondition(t.Context(), "/x", "Ready"); err != nil || asked.Load() != 3 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}
