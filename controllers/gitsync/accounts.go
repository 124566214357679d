package gitsync

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/fetch"
)

// requestTimeout bounds one request to the API server.
const requestTimeout = 30 * time.Second

// accounts holds a client for each service account that GitSyncs use.
type accounts struct {
	config *rest.Config
	mapper meta.RESTMapper

	mu    sync.Mutex
	known map[types.NamespacedName]*account
}

// account is the cluster as one service account sees it.
type account struct {
	name    types.NamespacedName
	cluster *apply.Cluster
	// metadata watches; its requests have no bound in time.
	metadata metadata.Interface
}

func newAccounts(config *rest.Config, mapper meta.RESTMapper) *accounts {
	config = rest.CopyConfig(config)
	// The API server's own priority and fairness bounds what one account may ask.
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	return &accounts{config: config, mapper: mapper, known: map[types.NamespacedName]*account{}}
}

// get returns the client of a service account. That the account exists is not checked.
func (a *accounts) get(name types.NamespacedName) (*account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.known[name]; ok {
		return known, nil
	}
	config := apply.Impersonate(a.config, name.Namespace, name.Name)
	endless, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("client for service account %s: %w", name, err)
	}
	watching, err := metadata.NewForConfigAndClient(metadata.ConfigFor(config), endless)
	if err != nil {
		return nil, fmt.Errorf("client for service account %s: %w", name, err)
	}
	bounded := &http.Client{Transport: endless.Transport, CheckRedirect: endless.CheckRedirect, Timeout: requestTimeout}
	cluster, err := apply.NewCluster(config, bounded, a.mapper)
	if err != nil {
		return nil, fmt.Errorf("service account %s: %w", name, err)
	}
	known := &account{name: name, cluster: cluster, metadata: watching}
	a.known[name] = known
	return known, nil
}

// credentials reads the Secret of a repository, as the account.
func (a *accounts) credentials(ctx context.Context, name types.NamespacedName, secret string) (fetch.Credentials, error) {
	known, err := a.get(name)
	if err != nil {
		return fetch.Credentials{}, err
	}
	id := changeset.ID{Kind: "Secret", Namespace: name.Namespace, Name: secret}
	live, err := known.cluster.Get(ctx, id, "v1")
	if err != nil {
		return fetch.Credentials{}, fmt.Errorf("source.secretRef: Secret %s cannot be read as service account %s: %s", secret, name.Name,
			apply.Explain(id, err))
	}
	if live == nil {
		return fetch.Credentials{}, fmt.Errorf("source.secretRef: Secret %s does not exist in namespace %s", secret, name.Namespace)
	}
	return credentialsOf(live)
}

// credentialsOf reads what a Secret holds for a repository.
func credentialsOf(secret *unstructured.Unstructured) (fetch.Credentials, error) {
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		return fetch.Credentials{}, fmt.Errorf("source.secretRef: Secret %s is not readable", secret.GetName())
	}
	decoded := map[string]string{}
	for _, key := range []string{"username", "password", "bearerToken", "ca.crt"} {
		value, err := base64.StdEncoding.DecodeString(data[key])
		if err != nil {
			return fetch.Credentials{}, fmt.Errorf("source.secretRef: Secret %s: %s is not readable", secret.GetName(), key)
		}
		decoded[key] = string(value)
	}
	if decoded["username"] == "" && decoded["password"] == "" && decoded["bearerToken"] == "" && decoded["ca.crt"] == "" {
		return fetch.Credentials{}, fmt.Errorf("source.secretRef: Secret %s has none of the keys username, password, bearerToken and ca.crt",
			secret.GetName())
	}
	return fetch.Credentials{
		Username: decoded["username"], Password: decoded["password"], BearerToken: decoded["bearerToken"],
		CA: []byte(decoded["ca.crt"]),
	}, nil
}
