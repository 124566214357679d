package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// systemNamespace is where config/default puts the controller.
const systemNamespace = "sluice-system"

// controllerUser is who the controller is to the API server.
const controllerUser = "system:serviceaccount:sluice-system:sluice"

// auditPolicy logs who asked for what, for the controller alone.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [` + controllerUser + `]
- level: None
`

// auditMegabytes is more than a run logs, since a log that is rotated away cannot be counted.
const auditMegabytes = "100000"

// installTimeout bounds how long a kind may take from its definition to being served.
const installTimeout = time.Minute

// server is an API server with Sluice installed and nothing running.
type server struct {
	env    *envtest.Environment
	config *rest.Config
	client client.Client
	audit  *auditLog
	// deployment is the one that config/default would run.
	deployment appsv1.Deployment
}

// startServer starts etcd and the API server, with their files in folder.
func startServer(ctx context.Context, root, folder string) (*server, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil, errors.New("KUBEBUILDER_ASSETS is not set: run make bench-fleet, or set it to a folder with etcd and kube-apiserver")
	}
	policy, log := filepath.Join(folder, "audit-policy.yaml"), filepath.Join(folder, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, fmt.Errorf("write the audit policy: %w", err)
	}
	env := &envtest.Environment{}
	env.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", log).
		Set("audit-log-maxsize", auditMegabytes)
	config, err := env.Start()
	if err != nil {
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	s := &server{env: env, config: withoutLimits(config), audit: &auditLog{path: log}}
	if err := s.install(ctx, root); err != nil {
		return nil, errors.Join(err, env.Stop())
	}
	return s, nil
}

func (s *server) stop() error { return s.env.Stop() }

// withoutLimits is a configuration whose clients do not throttle themselves.
func withoutLimits(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS = -1
	return config
}

// newScheme knows what the harness reads and writes.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register kinds: %w", err)
		}
	}
	return scheme, nil
}

// install creates all of config/default but the Deployment, whose place the measured process takes, and what there is
// to disrupt of it.
func (s *server) install(ctx context.Context, root string) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	if s.client, err = client.New(s.config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	objects, err := render(filepath.Join(root, "config", "default"))
	if err != nil {
		return err
	}
	for _, object := range objects {
		if object.GetKind() == "Deployment" {
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &s.deployment)
		} else {
			err = s.create(ctx, object)
		}
		if err != nil {
			return fmt.Errorf("install %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	if len(s.deployment.Spec.Template.Spec.Containers) != 1 {
		return errors.New("config/default: want a Deployment with one container")
	}
	return nil
}

// settings are what config/default gives the controller besides addresses.
func (s *server) settings() string {
	container := s.deployment.Spec.Template.Spec.Containers[0]
	words := slices.Clone(container.Args)
	for _, variable := range container.Env {
		words = append(words, variable.Name+"="+variable.Value)
	}
	return strings.Join(words, " ")
}

// create creates an object, and waits until the kind that a definition defines is served.
func (s *server) create(ctx context.Context, object *unstructured.Unstructured) error {
	if err := s.client.Create(ctx, object); err != nil {
		return err
	}
	if object.GetKind() != "CustomResourceDefinition" {
		return nil
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, installTimeout, true, func(ctx context.Context) (bool, error) {
		if err := s.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, err
		}
		return established(object), nil
	})
}

func established(definition *unstructured.Unstructured) bool {
	// Just after the creation the conditions are null, which is an error to NestedSlice.
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(condition any) bool {
		fields, _ := condition.(map[string]any)
		return fields["type"] == "Established" && fields["status"] == "True"
	})
}

// render is what a folder of kustomize builds to.
func render(folder string) ([]*unstructured.Unstructured, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", folder, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", folder, err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("read what %s builds to: %w", folder, err)
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
