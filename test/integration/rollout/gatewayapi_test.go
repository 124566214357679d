package rollout

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Without the Gateway API the controller starts and says what is missing; it goes on when the API is installed.
func TestWithoutGatewayAPI(t *testing.T) {
	t.Parallel()
	g := gomega.NewWithT(t)
	env, err := startCluster(false)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	there, err := client.New(env.Config, client.Options{Scheme: scheme})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	stop := startController(t, env.Config, "default")
	t.Cleanup(stop)

	apply := func(text string) {
		t.Helper()
		for _, object := range decode(t, text) {
			object.SetNamespace("default")
			g.Expect(there.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(user))).To(gomega.Succeed())
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

	path, err := routeDefinition()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = envtest.InstallCRDs(env.Config, envtest.CRDInstallOptions{Paths: []string{path}})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Eventually(message, patience, pace).Should(gomega.ContainSubstring("does not exist"))
	apply(route)
	g.Eventually(message, patience/4, pace).Should(gomega.ContainSubstring("no gateway has accepted"), "routes are watched from now on")
}
