package conformance

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/apis/v1alpha2"
	"sigs.k8s.io/gateway-api/apis/v1alpha3"
	"sigs.k8s.io/gateway-api/conformance/tests"
	conformanceconfig "sigs.k8s.io/gateway-api/conformance/utils/config"
	gwgrpc "sigs.k8s.io/gateway-api/conformance/utils/grpc"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/consts"
	"sigs.k8s.io/gateway-api/pkg/features"
)

var (
	results  = flag.String("results", "", "write what came of each test to this file, as Markdown")
	runKnown = flag.Bool("known", false, "run the tests, too, that a gateway is known to fail")
)

// asked are the tests of what Sluice rests on.
var asked = []string{
	"GRPCExactMethodMatching",
	"GRPCRouteHeaderMatching",
	"GRPCRouteNamedRule",
	"GRPCRouteWeight",
	"HTTPRouteBackendProtocolH2C",
	"HTTPRouteBackendRequestHeaderModifier",
	"HTTPRouteCrossNamespace",
	"HTTPRouteExactPathMatching",
	"HTTPRouteHeaderMatching",
	"HTTPRouteHostnameIntersection",
	"HTTPRouteInvalidBackendRefUnknownKind",
	"HTTPRouteInvalidCrossNamespaceBackendRef",
	"HTTPRouteInvalidNonExistentBackendRef",
	"HTTPRouteInvalidParentRefNotMatchingSectionName",
	"HTTPRouteInvalidReferenceGrant",
	"HTTPRouteMatching",
	"HTTPRouteMatchingAcrossRoutes",
	"HTTPRouteMethodMatching",
	"HTTPRouteNamedRule",
	"HTTPRouteNoBackendRefs",
	"HTTPRouteObservedGenerationBump",
	"HTTPRoutePartiallyInvalidViaInvalidReferenceGrant",
	"HTTPRoutePathMatchOrder",
	"HTTPRouteQueryParamMatching",
	"HTTPRouteReferenceGrant",
	"HTTPRouteRequestHeaderModifier",
	"HTTPRouteRequestHeaderModifierBackendWeights",
	"HTTPRouteRequestMirror",
	"HTTPRouteRequestPercentageMirror",
	"HTTPRouteResponseHeaderModifier",
	"HTTPRouteRewriteHost",
	"HTTPRouteRewritePath",
	"HTTPRouteServiceTypes",
	"HTTPRouteSimpleSameNamespace",
	"HTTPRouteTimeoutBackendRequest",
	"HTTPRouteTimeoutRequest",
	"HTTPRouteWeight",
}

// always are what a gateway must have to be asked at all; the rest is what its GatewayClass says.
var always = []features.FeatureName{
	features.SupportGateway, features.SupportHTTPRoute, features.SupportGRPCRoute, features.SupportReferenceGrant,
}

// known are tests that a gateway of that class is known to fail, and why. They are not run, unless -known is given.
var known = map[string]map[string]string{
	"traefik": {
		"HTTPRouteBackendRequestHeaderModifier": "filters of a backendRef go by Service and port: those of the last rule hold in all rules and routes that name the same",
		"HTTPRouteNoBackendRefs":                "answers 503 for a rule without backends; the Gateway API wants 500",
	},
	"fault": {},
}

func TestConformance(t *testing.T) {
	c := bringUp(t)
	books := []*book{{title: "Traefik 3.7.5", class: "traefik"}, {title: "test/gateway", class: "fault"}}
	t.Cleanup(func() { write(t, books) })
	t.Run("traefik", func(t *testing.T) { books[0].conform(t, c, listener(c.gateway)) })
	t.Run("fault", func(t *testing.T) { books[1].conform(t, c, listener(c.faultGateway(t))) })
}

// conform runs the tests on the gateway of the book's class.
func (b *book) conform(t *testing.T, c local, at listener) {
	t.Helper()
	s, err := suite.NewConformanceTestSuite(b.options(t, c, at))
	if err != nil {
		t.Fatal(err)
	}
	chosen := b.choose(t)
	s.Setup(t, chosen)
	if err := s.Run(t, chosen); err != nil {
		t.Fatal(err)
	}
}

// options are upstream's, with the features that the GatewayClass claims.
func (b *book) options(t *testing.T, c local, at listener) suite.ConformanceOptions {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha2.Install, v1alpha3.Install, apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	class := &gatewayv1.GatewayClass{}
	if err := direct.Get(t.Context(), client.ObjectKey{Name: b.class}, class); err != nil {
		t.Fatal(err)
	}
	supported := slices.Clone(always)
	for _, feature := range class.Status.SupportedFeatures {
		b.claimed = append(b.claimed, string(feature.Name))
		supported = append(supported, features.FeatureName(feature.Name))
	}
	var skipped []string
	for name := range known[b.class] {
		if !*runKnown {
			skipped = append(skipped, name)
		}
	}
	return suite.ConformanceOptions{
		ConfigurableOptions: suite.ConfigurableOptions{
			GatewayClassName: b.class, SupportedFeatures: supported, SkipTests: skipped, CleanupTestResources: true,
			DisableParallelTests: true, TimeoutConfig: conformanceconfig.DefaultTimeoutConfig(),
		},
		Client: direct, ClientOptions: client.Options{Scheme: scheme}, Clientset: kubernetes.NewForConfigOrDie(config), RestConfig: config,
		ManifestFS: []fs.FS{adapted(t)}, RoundTripper: at,
		GRPCClient: &grpcClient{listener: at, clients: map[string]*gwgrpc.DefaultClient{}},
	}
}

// book notes what came of each test on one gateway.
type book struct {
	// title is what people call the gateway, class its GatewayClass.
	title, class string
	claimed      []string
	mu           sync.Mutex
	outcomes     map[string]string
}

// choose finds the tests that are asked for, each with a note of how it ended.
func (b *book) choose(t *testing.T) []suite.ConformanceTest {
	t.Helper()
	b.outcomes = map[string]string{}
	var chosen []suite.ConformanceTest
	for _, test := range tests.ConformanceTests {
		if !slices.Contains(asked, test.ShortName) {
			continue
		}
		run := test.Test
		test.Test = func(t *testing.T, s *suite.ConformanceTestSuite) {
			t.Helper()
			t.Cleanup(func() { b.note(test.ShortName, t.Skipped(), t.Failed()) })
			run(t, s)
		}
		for _, feature := range test.Features {
			if !slices.Contains(b.claimed, string(feature)) && !slices.Contains(always, feature) {
				b.outcomes[test.ShortName] = "not claimed"
			}
		}
		chosen = append(chosen, test)
	}
	if len(chosen) != len(asked) {
		t.Fatalf("%d tests are asked for, and %d of them exist", len(asked), len(chosen))
	}
	return chosen
}

func (b *book) note(name string, skipped, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case skipped:
		b.outcomes[name] = "skipped"
	case failed:
		b.outcomes[name] = "FAILED"
	default:
		b.outcomes[name] = "passed"
	}
}

// outcome of a test, for people.
func (b *book) outcome(name string) string {
	why, isKnown := known[b.class][name]
	switch outcome := b.outcomes[name]; {
	case isKnown && (outcome == "" || outcome == "FAILED"):
		return "known: " + why
	case outcome == "":
		return "not run"
	default:
		return outcome
	}
}

// write writes the outcomes on all gateways, if somebody wants them.
func write(t *testing.T, books []*book) {
	t.Helper()
	if *results == "" {
		return
	}
	var text strings.Builder
	text.WriteString("<!-- Written by make gateway-conformance; do not edit. -->\n# The Gateway API's own conformance tests on the gateways used here\n\n")
	fmt.Fprintf(&text, "Gateway API %s, the tests of what Sluice rests on.\n\n", consts.BundleVersion)
	head, line := "| test |", "|---|"
	for _, b := range books {
		counts := map[string]int{}
		for _, name := range asked {
			word, _, _ := strings.Cut(b.outcome(name), ":")
			counts[word]++
		}
		fmt.Fprintf(&text, "- %s: %d passed, %d failed, %d known to fail, %d of features that it does not claim, %d not run\n",
			b.title, counts["passed"], counts["FAILED"], counts["known"], counts["not claimed"], counts["not run"]+counts["skipped"])
		head, line = head+" "+b.title+" |", line+"---|"
	}
	fmt.Fprintf(&text, "\n%s\n%s\n", head, line)
	for _, name := range asked {
		fmt.Fprintf(&text, "| %s |", name)
		for _, b := range books {
			fmt.Fprintf(&text, " %s |", b.outcome(name))
		}
		text.WriteString("\n")
	}
	for _, b := range books {
		fmt.Fprintf(&text, "\n%s claims: %s.\n", b.title, strings.Join(b.claimed, ", "))
	}
	if err := os.WriteFile(*results, []byte(text.String()), 0o644); err != nil {
		t.Error(err)
	}
}
