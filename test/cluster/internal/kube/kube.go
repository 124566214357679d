// Package kube is the little of a Kubernetes client that bringing up a cluster
// needs: server-side apply of YAML, reads of single objects, and waiting.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/manifests"
)

// poll is how often a condition is looked at while it is waited for.
const poll = 30 * time.Millisecond

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 8 << 20

// Client speaks to one API server.
type Client struct {
	server, token string
	http          *http.Client
}

// New gives a client of the server at host:port, with a bearer token.
func New(address, token string, authority []byte) *Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &Client{
		server: "https://" + address, token: token,
		http: &http.Client{
			Timeout:   30 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		},
	}
}

// StatusError is an answer other than success.
type StatusError struct {
	Code    int
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// Get reads a path as JSON into out, which may be nil.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Apply applies the object by server-side apply. It is tried again while the
// server does not know the kind yet, as after a CRD, until ctx is done.
func (c *Client) Apply(ctx context.Context, object manifests.Object) error {
	resource, err := pathOf(object)
	if err != nil {
		return err
	}
	resource += "?fieldManager=sluice-cluster&force=true"
	err = Poll(ctx, func(ctx context.Context) (bool, error) {
		err := c.do(ctx, http.MethodPatch, resource, "application/apply-patch+yaml", object.YAML, nil)
		if status, ok := errors.AsType[*StatusError](err); ok && status.Code == http.StatusNotFound {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("apply %s: %w", object, err)
	}
	return nil
}

// Poll looks at a condition until it holds, fails or ctx is done; then the error
// is the reason why ctx is done.
func Poll(ctx context.Context, condition func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		if done, err := condition(ctx); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// Ready waits until the API server says that it is ready.
func (c *Client) Ready(ctx context.Context) error {
	return Poll(ctx, func(ctx context.Context) (bool, error) {
		return c.Get(ctx, "/readyz", nil) == nil, nil
	})
}

// Condition says whether the object at the path has the given condition as True.
func (c *Client) Condition(ctx context.Context, path, kind string) (bool, error) {
	var object struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := c.Get(ctx, path, &object); err != nil {
		return false, err
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type == kind {
			return condition.Status == "True", nil
		}
	}
	return false, nil
}

// WaitCondition waits until the object at the path has the condition as True.
// Failed reads are tried again: the object may not be there yet.
func (c *Client) WaitCondition(ctx context.Context, path, kind string) error {
	return Poll(ctx, func(ctx context.Context) (bool, error) {
		holds, err := c.Condition(ctx, path, kind)
		return err == nil && holds, nil
	})
}

func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode/100 != 2 {
		var status struct{ Message string }
		if json.Unmarshal(content, &status) != nil || status.Message == "" {
			status.Message = string(content[:min(len(content), 300)])
		}
		return &StatusError{Code: answer.StatusCode, Message: status.Message}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// plurals are the resources of the kinds that are applied.
var plurals = map[string]string{
	"ClusterRole":                      "clusterroles",
	"ClusterRoleBinding":               "clusterrolebindings",
	"CustomResourceDefinition":         "customresourcedefinitions",
	"EndpointSlice":                    "endpointslices",
	"Gateway":                          "gateways",
	"GatewayClass":                     "gatewayclasses",
	"Namespace":                        "namespaces",
	"Service":                          "services",
	"ValidatingAdmissionPolicy":        "validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// pathOf is the path of the object on the server.
func pathOf(object manifests.Object) (string, error) {
	plural, ok := plurals[object.Kind]
	if !ok {
		return "", fmt.Errorf("%s: kind %s has no known resource name", object, object.Kind)
	}
	var path strings.Builder
	if strings.Contains(object.APIVersion, "/") {
		path.WriteString("/apis/")
	} else {
		path.WriteString("/api/")
	}
	path.WriteString(object.APIVersion)
	if object.Namespace != "" {
		path.WriteString("/namespaces/" + url.PathEscape(object.Namespace))
	}
	path.WriteString("/" + plural + "/" + url.PathEscape(object.Name))
	return path.String(), nil
}
