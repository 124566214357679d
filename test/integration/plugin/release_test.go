package plugin

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const patience = 30 * time.Second

// control runs the controller of Rollouts until the test ends.
func control(t *testing.T, namespace string) {
	t.Helper()
	t.Cleanup(worlds.StartController(t, server.Config, admin.Scheme(), namespace))
}

// session is somebody at a terminal.
type session struct {
	t         *testing.T
	namespace string
}

// does runs a command that must succeed and say all of that.
func (s session) does(command string, says ...string) {
	s.t.Helper()
	s.ends(0, command, says...)
}

func (s session) ends(code int, command string, says ...string) {
	s.t.Helper()
	got, out := alice.Sluice(s.t, append(strings.Fields(command), "-n", s.namespace, "--timeout", patience.String())...)
	s.check(code, got, command, out, says)
}

// shows runs a command without a timeout until it says all of that.
func (s session) shows(command string, says ...string) {
	s.t.Helper()
	var out string
	NewWithT(s.t).Eventually(func() string {
		_, out = alice.Sluice(s.t, append(strings.Fields(command), "-n", s.namespace)...)
		return out
	}, patience, 50*time.Millisecond).Should(And(each(says)...))
	s.t.Logf("%s\n%s", command, out)
}

// changes runs a command without a timeout that must succeed.
func (s session) changes(command string, says ...string) {
	s.t.Helper()
	got, out := alice.Sluice(s.t, append(strings.Fields(command), "-n", s.namespace)...)
	s.check(0, got, command, out, says)
}

func (s session) check(want, got int, command, out string, says []string) {
	s.t.Helper()
	s.t.Logf("%s\n%s", command, out)
	g := NewWithT(s.t)
	g.Expect(got).To(Equal(want), "%s: %s", command, out)
	for _, text := range says {
		g.Expect(out).To(ContainSubstring(text), command)
	}
}

func each(texts []string) []gomegatypes.GomegaMatcher {
	var out []gomegatypes.GomegaMatcher
	for _, text := range texts {
		out = append(out, ContainSubstring(text))
	}
	return out
}

// TestARelease goes through every verb with the controller, as somebody does who sees only what the commands print.
func TestARelease(t *testing.T) {
	s := session{t: t, namespace: namespace(t)}
	newRollout(t, s.namespace, func(spec *v1alpha1.RolloutSpec) {
		spec.Template, spec.Replicas = template(t, small), new(int32(4))
		spec.RollbackWindow = &v1alpha1.RollbackWindow{Revisions: 2}
		spec.Strategy.Canary.Steps = []v1alpha1.CanaryStep{
			{SetWeight: new(int32(25))}, {Pause: &v1alpha1.RolloutPause{}}, {SetWeight: new(int32(50))}, {Pause: &v1alpha1.RolloutPause{}},
		}
	})
	control(t, s.namespace)
	s.does("status web --wait", "Healthy")
	s.ends(1, "promote web", "nothing to promote: no release of Rollout")

	s.changes("set image web web=shop/web:2", "web: shop/web:1 -> shop/web:2")
	s.shows("get ro web", "2/4: pause until promoted", "asked 25 %, carried by the number of pods: 1 of 4 available pods are new, 25 %")
	s.does("pause web --reason errors", "is paused at step 2/4")
	s.ends(1, "pause web", "is paused already")
	s.shows("get ro web", `Paused     by alice`, `"errors"`, "kubectl sluice resume web")
	s.does("resume web", "goes on")
	s.ends(1, "resume web", "nobody has asked for this pause", "kubectl sluice promote web")
	s.does("promote web", "step 2/4 of revision", "is passed")
	s.shows("get ro web", "4/4: pause until promoted", "2 of 4 available pods are new, 50 %")
	s.does("jump web 1", "goes from step 4/4 to step 1/4")
	s.shows("get ro web", "2/4: pause until promoted", "1 of 4 available pods are new, 25 %")
	s.does("abort web --reason slow", "is aborted")
	s.shows("get ro web", "rejected", "Last       #2", "Aborted")
	s.ends(1, "promote web", "was aborted", "kubectl sluice retry rollout web")
	s.does("retry web", "is released again")
	s.shows("get ro web", "2/4: pause until promoted")
	s.does("promote web --full", "is promoted without further pauses")
	s.does("status web --wait", "Healthy")
	s.shows("history web", "FastPromoted", "Aborted")

	second := s.stable()
	s.changes("set image web web=shop/web:3")
	s.shows("get ro web", "2/4: pause until promoted")
	s.changes("undo web", "it is the stable revision: the release of ", "ends and all traffic goes back to it")
	s.does("status web --wait", "Healthy")
	s.does("status web --revision "+second, "is stable: Healthy")
	s.shows("history web", "RolledBack")

	s.changes("set image web web=shop/web:4")
	s.shows("get ro web", "2/4: pause until promoted")
	s.does("jump web end", "goes from step 2/4 to ")
	s.does("status web --wait", "Healthy")
	NewWithT(t).Expect(s.stable()).NotTo(Equal(second))
	s.changes("undo web", "the template of revision #", second, "it is inside of the rollback window of 2: its steps are skipped")
	s.does("status web --wait", "Healthy")
	NewWithT(t).Expect(s.stable()).To(Equal(second), "the controller knows the revision again")
	s.changes("restart web")
	NewWithT(t).Eventually(func() bool {
		ro := s.rollout()
		return ro.Spec.RestartAt.Equal(ro.Status.RestartedAt)
	}, patience, 50*time.Millisecond).Should(BeTrue())
}

func (s session) rollout() *v1alpha1.Rollout {
	s.t.Helper()
	ro := &v1alpha1.Rollout{}
	NewWithT(s.t).Expect(admin.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "web"}, ro)).To(Succeed())
	return ro
}

func (s session) stable() string {
	s.t.Helper()
	return s.rollout().Status.StableRevision
}
