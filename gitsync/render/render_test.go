package render_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluicehq/sluice/gitsync/render"
)

const rollout = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: app}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      serviceAccountName: runner
      containers:
      - name: app
        image: example.com/app:v1
        envFrom:
        - configMapRef: {name: settings}
        env:
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: token}}}
      - name: side
        image: example.com/side:v1
  strategy:
    canary:
      stableService: app-stable
      canaryService: app-canary
      trafficRouting: {gatewayAPI: {httpRoutes: [{name: app}]}}
      steps:
      - setWeight: 20
      - analysis: {templates: [{templateName: success}]}
`

const base = `
resources: [rollout.yaml, rest.yaml]
configMapGenerator:
- name: settings
  literals: [color=blue]
secretGenerator:
- name: token
  files: [token=token.txt]
`

const rest = `
apiVersion: v1
kind: Service
metadata: {name: app-stable}
spec: {selector: {app: app}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: app-canary}
spec: {selector: {app: app}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  rules:
  - backendRefs: [{name: app-stable, port: 80}, {name: app-canary, port: 80, weight: 0}]
---
apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: success}
spec: {}
---
apiVersion: sluice.dev/v1alpha1
kind: ClusterAnalysisTemplate
metadata: {name: everywhere}
spec: {}
`

const overlay = `
resources: [../../base]
namespace: prod
namePrefix: my-
labels:
- pairs: {team: one}
  includeSelectors: true
images:
- name: example.com/app
  newTag: v2
replicas:
- {name: app, count: 5}
patches:
- path: patch.yaml
`

const patch = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: app}
spec:
  template:
    spec:
      containers:
      - name: side
        image: example.com/side:v9
        resources: {limits: {memory: 64Mi}}
`

// app is a base with an overlay that uses all of what kustomize does to names, labels, images and replicas.
var app = map[string]string{
	"base/kustomization.yaml":          base,
	"base/rollout.yaml":                rollout,
	"base/rest.yaml":                   rest,
	"base/token.txt":                   "secret",
	"overlays/prod/kustomization.yaml": overlay,
	"overlays/prod/patch.yaml":         patch,
	"README.md":                        "no manifest",
}

func mustRender(t *testing.T, files map[string]string, dir string) *render.Result {
	t.Helper()
	c := newCommit(files)
	result, err := render.Render(t.Context(), c, c.root, dir, render.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func pick(t *testing.T, result *render.Result, kind, prefix string) map[string]any {
	t.Helper()
	for _, object := range result.Objects {
		if object.GetKind() == kind && strings.HasPrefix(object.GetName(), prefix) {
			return object.Object
		}
	}
	t.Fatalf("no %s %s", kind, prefix)
	return nil
}

// at returns what is at a path of field names, indexes, and names of elements.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			if list, ok := value.([]any); ok {
				for _, element := range list {
					if m, ok := element.(map[string]any); ok && m["name"] == step {
						value = m
					}
				}
				continue
			}
			m, ok := value.(map[string]any)
			if !ok {
				t.Fatalf("at %v of %v: %T is no object", step, path, value)
			}
			value = m[step]
		case int:
			l, ok := value.([]any)
			if !ok || step >= len(l) {
				t.Fatalf("at %v of %v: no such element in %v", step, path, value)
			}
			value = l[step]
		}
	}
	return value
}

func TestKustomizeKnowsOurKinds(t *testing.T) {
	result := mustRender(t, app, "overlays/prod")
	ro := pick(t, result, "Rollout", "my-app")
	settings := pick(t, result, "ConfigMap", "my-settings-")
	token := pick(t, result, "Secret", "my-token-")
	route := pick(t, result, "HTTPRoute", "my-app")
	containers := []any{"spec", "template", "spec", "containers"}
	in := func(path ...any) []any { return append(append([]any{}, containers...), path...) }
	for name, test := range map[string]struct {
		object map[string]any
		path   []any
		want   any
	}{
		"images":                      {ro, in("app", "image"), "example.com/app:v2"},
		"merge by container name":     {ro, in("side", "image"), "example.com/side:v9"},
		"the other container is kept": {ro, in("app", "name"), "app"},
		"merge adds":                  {ro, in("side", "resources", "limits", "memory"), "64Mi"},
		"configMap suffix":            {ro, in("app", "envFrom", 0, "configMapRef", "name"), at(t, settings, "metadata", "name")},
		"secret suffix":               {ro, in("app", "env", 0, "valueFrom", "secretKeyRef", "name"), at(t, token, "metadata", "name")},
		"service account":             {ro, []any{"spec", "template", "spec", "serviceAccountName"}, "my-runner"},
		"replicas":                    {ro, []any{"spec", "replicas"}, int64(5)},
		"stable service":              {ro, []any{"spec", "strategy", "canary", "stableService"}, "my-app-stable"},
		"canary service":              {ro, []any{"spec", "strategy", "canary", "canaryService"}, "my-app-canary"},
		"route":                       {ro, []any{"spec", "strategy", "canary", "trafficRouting", "gatewayAPI", "httpRoutes", 0, "name"}, "my-app"},
		"template":                    {ro, []any{"spec", "strategy", "canary", "steps", 1, "analysis", "templates", 0, "templateName"}, "my-success"},
		"selector label":              {ro, []any{"spec", "selector", "matchLabels", "team"}, "one"},
		"template label":              {ro, []any{"spec", "template", "metadata", "labels", "team"}, "one"},
		"namespace":                   {ro, []any{"metadata", "namespace"}, "prod"},
		"cluster kind":                {pick(t, result, "ClusterAnalysisTemplate", "my-"), []any{"metadata", "namespace"}, nil},
		"backend":                     {route, []any{"spec", "rules", 0, "backendRefs", 0, "name"}, "my-app-stable"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := at(t, test.object, test.path...); got != test.want {
				t.Errorf("%v = %v, want %v", test.path, got, test.want)
			}
		})
	}
}

func TestPlainFolder(t *testing.T) {
	files := map[string]string{
		"deploy/rollout.yaml":          rollout,
		"deploy/sub/rest.yml":          "# a comment\n---\n" + rest,
		"deploy/sub/map.json":          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"json"},"data":{"n":"1"}}`,
		"deploy/.hidden/x.yaml":        "not: read",
		"deploy/.x.yaml":               "not: read",
		"deploy/README.md":             "not read",
		"deploy/own/kustomization.yml": "namePrefix: own-\nresources: [map.yaml]",
		"deploy/own/map.yaml":          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}",
		"deploy/link.yaml":             "-> ../elsewhere/map.yaml",
		"elsewhere/map.yaml":           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: linked}",
	}
	result := mustRender(t, files, "deploy")
	if len(result.Objects) != 10 {
		t.Errorf("%d objects, want 10", len(result.Objects))
	}
	pick(t, result, "ConfigMap", "own-map")
	pick(t, result, "ConfigMap", "json")
	pick(t, result, "ConfigMap", "linked")
	if empty := mustRender(t, map[string]string{"deploy/.gitkeep": "x"}, "deploy"); len(empty.Objects) != 0 {
		t.Errorf("an empty folder has %d objects", len(empty.Objects))
	}
	if root := mustRender(t, map[string]string{"map.yaml": files["elsewhere/map.yaml"]}, ""); len(root.Objects) != 1 {
		t.Errorf("the root has %d objects, want 1", len(root.Objects))
	}
}

func TestFailures(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stolen}"))
	}))
	defer elsewhere.Close()
	url := elsewhere.URL + "/x.yaml"
	lines := []string{"a: &a [x,x,x,x,x,x,x,x,x]"}
	for c := 'b'; c < 'k'; c++ {
		p := string(c - 1)
		lines = append(lines, string(c)+": &"+string(c)+" [*"+strings.Repeat(p+",*", 8)+p+"]")
	}
	bomb := strings.Join(lines, "\n")
	k := func(text string) map[string]string { return map[string]string{"d/kustomization.yaml": text} }
	one := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"

	for name, test := range map[string]struct {
		files map[string]string
		kind  render.Kind
		text  string
	}{
		"no folder":           {map[string]string{"other/x.yaml": one}, render.PathNotFound, "d: no such folder"},
		"a file":              {map[string]string{"d": "x"}, render.PathNotFound, "d: no such folder"},
		"no YAML":             {map[string]string{"d/a.yaml": "a: b\n c: [d"}, render.Invalid, "d/a.yaml: is no YAML: line 2"},
		"no YAML in base":     {map[string]string{"d/kustomization.yaml": "resources: [../b/a.yaml]", "b/a.yaml": "{"}, render.Invalid, "b/a.yaml: is no YAML"},
		"second document":     {map[string]string{"d/a.yaml": one + "---\nfoo: bar"}, render.Invalid, "d/a.yaml: line 5: is no Kubernetes object: apiVersion and kind missing"},
		"a list":              {map[string]string{"d/a.yaml": "[1]"}, render.Invalid, "d/a.yaml: line 1: is no Kubernetes object"},
		"no name":             {map[string]string{"d/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {}}"}, render.Invalid, "metadata.name"},
		"twice":               {map[string]string{"d/a.yaml": one, "d/b.yaml": one}, render.Invalid, "one"},
		"missing resource":    {k("resources: [x.yaml]"), render.Invalid, "d/kustomization.yaml: resources: x.yaml does not exist"},
		"missing base":        {k("resources: [../base]"), render.Invalid, "resources: ../base does not exist"},
		"missing patch":       {k("patches: [{path: p.yaml}]"), render.Invalid, "patches: p.yaml does not exist"},
		"missing token":       {k("secretGenerator: [{name: a, files: [b=c]}]"), render.Invalid, "c does not exist"},
		"base without":        {map[string]string{"d/kustomization.yaml": "resources: [sub]", "d/sub/x.yaml": one}, render.Invalid, "d/sub: has no kustomization.yaml"},
		"unknown field":       {k("resource: [x.yaml]"), render.Invalid, `d/kustomization.yaml: invalid Kustomization`},
		"empty kustomization": {k("kind: Kustomization"), render.Invalid, "empty"},
		"patch of nothing":    {map[string]string{"d/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]", "d/a.yaml": one, "d/p.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}"}, render.Invalid, "two"},
		"cycle":               {map[string]string{"d/kustomization.yaml": "resources: [../e]", "e/kustomization.yaml": "resources: [../d]"}, render.Invalid, "cycle"},
		"two kustomizations":  {map[string]string{"d/kustomization.yaml": "namePrefix: a", "d/kustomization.yml": "namePrefix: b"}, render.Invalid, "multiple kustomization"},
		"generateName":        {map[string]string{"d/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}"}, render.Invalid, "name"},

		"remote file":        {k("resources: [" + url + "]"), render.Refused, "does not fetch"},
		"remote in capitals": {k("resources: ['HTTP:" + strings.TrimPrefix(url, "http:") + "']"), render.Refused, "does not fetch"},
		"remote repository":  {k("resources: [github.com/kubernetes-sigs/kustomize]"), render.Refused, "does not fetch"},
		"remote scp":         {k("resources: ['git@host:path/repo']"), render.Refused, "does not fetch"},
		"remote git::":       {k("resources: ['git::https://host/x/y']"), render.Refused, "does not fetch"},
		"remote file://":     {k("resources: ['file:///etc']"), render.Refused, "does not fetch"},
		"remote component":   {k("components: ['https://host/x/y']"), render.Refused, "does not fetch"},
		"remote patch":       {k("patches: [{path: '" + url + "'}]"), render.Refused, "does not fetch"},
		"remote map file":    {k("configMapGenerator: [{name: a, files: ['b=" + url + "']}]"), render.Refused, "does not fetch"},
		"remote env file":    {k("configMapGenerator: [{name: a, envs: ['" + url + "']}]"), render.Refused, "does not fetch"},
		"remote crd":         {k("crds: ['" + url + "']"), render.Refused, "does not fetch"},
		"remote openapi":     {k("openapi: {path: '" + url + "'}"), render.Refused, "does not fetch"},
		"remote config":      {k("configurations: ['" + url + "']"), render.Refused, "does not fetch"},
		"remote replacement": {k("replacements: [{path: '" + url + "'}]"), render.Refused, "does not fetch"},
		"remote transformer": {k("transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: " + url), render.Refused, "does not fetch"},
		"remote in a file":   {map[string]string{"d/kustomization.yaml": "transformers: [t.yaml]", "d/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: \"\\x68ttp:" + strings.TrimPrefix(url, "http:") + "\""}, render.Refused, "does not fetch"},
		"remote in a base":   {map[string]string{"d/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: ['" + url + "']"}, render.Refused, "b/kustomization.yaml"},
		"repo-like folder":   {map[string]string{"d/kustomization.yaml": "resources: [github.com/a/b]", "d/github.com/a/b/kustomization.yaml": "namePrefix: x"}, render.Refused, "does not fetch"},

		"exec plugin":         {k("transformers:\n- |\n  apiVersion: someone/v1\n  kind: Runner\n  metadata: {name: x}"), render.Refused, "is a plugin"},
		"function":            {k("generators:\n- |\n  apiVersion: v1\n  kind: F\n  metadata:\n    name: x\n    annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}"), render.Refused, "is a plugin"},
		"plugins in a folder": {map[string]string{"d/kustomization.yaml": "transformers: [t]", "d/t/kustomization.yaml": "namePrefix: x"}, render.Refused, "one by one"},
		"helm":                {k("helmCharts: [{name: x, repo: 'https://host'}]"), render.Refused, "helm"},
		"up and out":          {k("resources: [../../etc]"), render.Refused, "leads out of the repository"},
		"absolute":            {k("resources: [/etc]"), render.Refused, "must be relative"},
		"link out":            {map[string]string{"d/a.yaml": "-> ../../etc/passwd"}, render.Refused, "leads out of the repository"},
		"absolute link":       {map[string]string{"d/a.yaml": "-> /etc/passwd"}, render.Refused, "leads out of the repository"},
		"folder link out":     {map[string]string{"d/kustomization.yaml": "resources: [x]", "d/x": "-> ../.."}, render.Refused, "leads out of the repository"},
		"kustomization link":  {map[string]string{"d/kustomization.yaml": "-> ../../x"}, render.Refused, "leads out of the repository"},
		"circular links":      {map[string]string{"d/kustomization.yaml": "resources: [x]", "d/x": "-> y", "d/y": "-> x"}, render.Refused, "symbolic links"},
		"bomb":                {map[string]string{"d/a.yaml": bomb}, render.Refused, "aliases"},
		"bomb in a map":       {map[string]string{"d/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: b.yaml}]", "d/a.yaml": one, "d/b.yaml": bomb}, render.Refused, "b.yaml: its YAML aliases"},
		"large file":          {map[string]string{"d/a.yaml": one + "data: {x: '" + strings.Repeat("x", 9<<20) + "'}"}, render.TooLarge, "d/a.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCommit(test.files)
			_, err := render.Render(t.Context(), c, c.root, "d", render.Limits{})
			failure, ok := errors.AsType[*render.Error](err)
			if !ok {
				t.Fatalf("error = %v, of type %T", err, err)
			}
			if failure.Kind != test.kind || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %s: %v\nwant %s with %q", failure.Kind, err, test.kind, test.text)
			}
		})
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the network was used %d times", n)
	}
}

func TestLimits(t *testing.T) {
	for name, limits := range map[string]render.Limits{
		"objects": {Objects: 3, Reads: 1000, Bytes: 1 << 20, FileBytes: 1 << 20, Time: time.Minute},
		"reads":   {Objects: 100, Reads: 3, Bytes: 1 << 20, FileBytes: 1 << 20, Time: time.Minute},
		"bytes":   {Objects: 100, Reads: 1000, Bytes: 1 << 10, FileBytes: 1 << 20, Time: time.Minute},
	} {
		c := newCommit(app)
		_, err := render.Render(t.Context(), c, c.root, "overlays/prod", limits)
		if failure, ok := errors.AsType[*render.Error](err); !ok || failure.Kind != render.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newCommit(app)
	_, err := render.Render(t.Context(), c, c.root, "overlays/prod", render.Limits{Objects: 100, Reads: 1000, Bytes: 1 << 20, FileBytes: 1 << 20, Time: 1})
	if failure, ok := errors.AsType[*render.Error](err); !ok || failure.Kind != render.Unreadable {
		t.Errorf("time: %v", err)
	}
}

func TestOwnSchemaIsForgotten(t *testing.T) {
	before := mustRender(t, app, "overlays/prod").Digest
	mustRender(t, map[string]string{
		"d/kustomization.yaml": "openapi: {path: s.json}\nresources: [a.yaml]",
		"d/s.json":             `{"definitions": {"x": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "sluice.dev", "version": "v1alpha1", "kind": "Rollout"}]}}}`,
		"d/a.yaml":             rollout,
	}, "d")
	if after := mustRender(t, app, "overlays/prod").Digest; after != before {
		t.Error("one build's schema changes another")
	}
}

func TestServerFieldsAreDropped(t *testing.T) {
	result := mustRender(t, map[string]string{"a.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: a, uid: x, resourceVersion: "7", creationTimestamp: null}
status: {x: 1}
`}, "")
	want := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}
	if got := (&unstructured.Unstructured{Object: want}).Object; len(result.Objects) != 1 || !equal(result.Objects[0].Object, got) {
		t.Errorf("got %v", result.Objects[0].Object)
	}
}
