package rollout

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// Without the Gateway API the controller starts and says what is missing; it goes on when the API is installed.
func TestWithoutGatewayAPI(t *testing.T) {
	t.Parallel()
	g := gomega.NewWithT(t)
	env, err := apiserver.Start(t.Context(), apiserver.Options{WithoutGatewayAPI: true})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	there, err := client.New(env.Config, client.Options{Scheme: direct.Scheme()})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	stop := worlds.StartController(t, env.Config, direct.Scheme(), "default")
	t.Cleanup(stop)

	apply := func(text string) {
		t.Helper()
		for _, object := range worlds.Decode(t, text) {
			object.SetNamespace("default")
			g.Expect(there.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(worlds.User))).To(gomega.Succeed())
		}
	}
	message := func() string {
		ro := &v1alpha1.Rollout{}
		g.Expect(there.Get(t.Context(), types.NamespacedName{Namespace: "default", Name: "web"}, ro)).To(gomega.Succeed())
		return ro.Status.Message
	}
	apply(services)
	apply(rolloutOf("app:1", "[]"))
	g.Eventually(message, patience, pace).Should(gomega.ContainSubstring("install the Gateway API"))

	path, err := apiserver.RouteDefinition(t.Context())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = envtest.InstallCRDs(env.Config, envtest.CRDInstallOptions{Paths: []string{path}})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Eventually(message, patience, pace).Should(gomega.ContainSubstring("does not exist"))
	apply(route)
	g.Eventually(message, patience/4, pace).Should(gomega.ContainSubstring("no gateway has accepted"), "routes are watched from now on")
}
