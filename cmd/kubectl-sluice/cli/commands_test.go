package cli

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// pausing is demo/web with hash2 on its way, paused in the first of its steps.
func pausing() *v1alpha1.Rollout {
	ro := status(v1alpha1.RolloutPaused, hash2, hash1)
	ro.UID = "rollout"
	ro.Spec.Selector = metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	ro.Spec.Strategy.Canary = &v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{{Pause: &v1alpha1.RolloutPause{}}}}
	ro.Status.Release = &v1alpha1.ReleaseStatus{Revision: hash2}
	return ro
}

// answered is what the controller writes once it has looked at a request.
func answered(accepted bool, message string) func(*v1alpha1.Rollout) {
	return func(ro *v1alpha1.Rollout) {
		r := ro.Status.Request
		ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: r.ID, Verb: r.Verb, By: r.By, Accepted: accepted, Message: message}
	}
}

func TestPromote(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.change(t, answered(true, "the pause is over"))
	code := cl.run(t.Context(), "promote", "web", "--reason", "looks good")
	cl.expect(t, code, ExitDone, "promote of revision 2222222222 of Rollout demo/web accepted: the pause is over")

	ro := &v1alpha1.Rollout{}
	g := NewWithT(t)
	g.Expect(cl.client.Get(t.Context(), client.ObjectKey{Namespace: "demo", Name: "web"}, ro)).To(Succeed())
	g.Expect(ro.Status.Request).To(HaveValue(Equal(v1alpha1.RolloutRequest{
		ID: "id-1", Verb: v1alpha1.VerbPromote, Revision: hash2, StepIndex: new(int32(0)), By: "alice", Reason: "looks good",
	})))
}

func TestRefusedByTheController(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.change(t, answered(false, "it has moved on"))
	cl.expect(t, cl.run(t.Context(), "abort", "rollout", "web"), ExitFailed, "error: abort of revision 2222222222", "was refused by the controller: it has moved on")
}

func TestAnotherRequestTakesItsPlace(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.change(t, func(ro *v1alpha1.Rollout) {
		ro.Status.Request = &v1alpha1.RolloutRequest{ID: "id-2", Verb: v1alpha1.VerbAbort, Revision: hash2, By: "bob"}
	})
	cl.expect(t, cl.run(t.Context(), "promote", "ro/web"), ExitFailed, `another request took the place of this one`, `abort by "bob"`)
}

func TestNothingToPromote(t *testing.T) {
	cl := newCluster(t, status(v1alpha1.RolloutHealthy, hash1, hash1))
	cl.expect(t, cl.run(t.Context(), "promote", "web"), ExitFailed, "nothing to promote: no release of Rollout demo/web is under way, it is Healthy")
}

func TestDeletedWhileAsked(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.acts <- func(ctx context.Context, c client.WithWatch) {
		if err := c.Delete(ctx, pausing()); err != nil {
			t.Error(err)
		}
	}
	cl.expect(t, cl.run(t.Context(), "promote", "web"), ExitUnanswered, "was deleted before the controller looked at the request")
}

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no name":           {[]string{"promote"}, "the name of a Rollout is missing"},
		"empty name":        {[]string{"promote", "rollout/"}, "the name of a Rollout is missing"},
		"wrong kind":        {[]string{"abort", "deployment", "web"}, `"deployment" is not a Rollout`},
		"two names":         {[]string{"abort", "rollout", "web", "shop"}, "one Rollout at a time, not 3"},
		"unknown flag":      {[]string{"abort", "web", "--now"}, "unknown flag: --now"},
		"unknown command":   {[]string{"advance", "web"}, `unknown command "advance"`},
		"long reason":       {[]string{"abort", "web", "--reason", strings.Repeat("x", 1025)}, "--reason has 1025 characters, at most 1024 are kept"},
		"negative timeout":  {[]string{"status", "web", "--timeout", "-1s"}, "must not be negative"},
		"short revision":    {[]string{"status", "web", "--revision", "abc"}, "too short: give at least 7 digits"},
		"get of nothing":    {[]string{"get"}, "say what to get"},
		"list of nothing":   {[]string{"list"}, "say what to list"},
		"no such Rollout":   {[]string{"status", "api"}, "Rollout demo/api not found: is --namespace right"},
		"no such to get":    {[]string{"get", "rollout", "api"}, "Rollout demo/api not found"},
		"no such to abort":  {[]string{"abort", "api"}, "Rollout demo/api not found"},
		"no such GitSync":   {[]string{"sync", "api"}, "GitSync demo/api not found"},
		"no such namespace": {[]string{"retry", "web", "-n", "prod"}, "Rollout prod/web not found"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, pausing())
			cl.expect(t, cl.run(t.Context(), c.args...), ExitUnanswered, c.want)
		})
	}
}

func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		ro   *v1alpha1.Rollout
		code int
	}{
		"healthy":    {status(v1alpha1.RolloutHealthy, hash1, hash1), ExitDone},
		"degraded":   {status(v1alpha1.RolloutDegraded, hash2, hash1), ExitFailed},
		"on its way": {pausing(), ExitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, c.ro)
			cl.expect(t, cl.run(t.Context(), "status", "web"), c.code, string(c.ro.Status.Phase)+": why")
		})
	}
}

func TestStatusWaits(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.change(t, func(ro *v1alpha1.Rollout) {
		ro.Status.Phase, ro.Status.StableRevision, ro.Status.Release = v1alpha1.RolloutHealthy, hash2, nil
	})
	code := cl.run(t.Context(), "status", "web", "-w", "--revision", hash2)
	cl.expect(t, code, ExitDone)
	// The change may come before the first look.
	const last = "revision 2222222222 is stable: Healthy: why\n"
	if got := cl.out.String(); got != last && got != "Paused: why\n"+last {
		t.Errorf("got %q", got)
	}
}

func TestStatusSeesARollback(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.change(t, func(ro *v1alpha1.Rollout) {
		ro.Status.Phase = v1alpha1.RolloutDegraded
		ro.Status.Abort = &v1alpha1.AbortStatus{Revision: hash2, Reason: "AnalysisFailed", Message: "success-rate"}
	})
	cl.expect(t, cl.run(t.Context(), "status", "web", "--wait", "--revision", hash2), ExitFailed, "error: revision 2222222222 was rejected: AnalysisFailed: success-rate")
}

// unusable is a Rollout whose route is not there.
func unusable() *v1alpha1.Rollout {
	return status(v1alpha1.RolloutDegraded, hash1, "", func(s *v1alpha1.RolloutStatus) {
		s.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionInvalid, Status: metav1.ConditionTrue}}
	})
}

// TestStatusWaitsForWhatIsMended: a Rollout is often applied a moment before its Services and its route.
func TestStatusWaitsForWhatIsMended(t *testing.T) {
	cl := newCluster(t, unusable())
	cl.change(t, func(ro *v1alpha1.Rollout) {
		ro.Status.Phase, ro.Status.StableRevision, ro.Status.Conditions = v1alpha1.RolloutHealthy, hash1, nil
	})
	cl.expect(t, cl.run(t.Context(), "status", "web", "--wait"), ExitDone, "Healthy: why")
}

func TestStatusFailsWhereNothingIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster(t, unusable())
		began := time.Now()
		cl.expect(t, cl.run(t.Context(), "status", "web", "--wait"), ExitFailed, "error: Degraded: why")
		if took := time.Since(began); took != mendingGrace {
			t.Errorf("it waited %s, want %s", took, mendingGrace)
		}
	})
}

func TestStatusTimesOut(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "status", "web", "--wait", "--timeout", "1ms"), ExitTimeout, "timed out after 1ms")
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cl := newCluster(t, pausing())
	cl.acts <- func(context.Context, client.WithWatch) { cancel() }
	cl.expect(t, cl.run(ctx, "status", "web", "--wait"), exitInterrupted)
}

// TestGetFollows: elsewhere than on a terminal, each change is one more block, and nothing else is.
func TestGetFollows(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cl := newCluster(t, pausing())
	ended := make(chan int)
	go func() { ended <- cl.run(ctx, "get", "ro", "web", "-w") }()
	// The fake server forgets what happens between a list and its watch: change until it is seen.
	g.Eventually(func() string {
		changeStatus(ctx, t, cl.client, func(ro *v1alpha1.Rollout) { ro.Status.Message = "another reason" })
		return cl.out.String()
	}, 10*time.Second).Should(ContainSubstring("another reason"))
	cancel()
	g.Expect(<-ended).To(Equal(exitInterrupted))
	g.Expect(strings.Count(cl.out.String(), "another reason")).To(Equal(1))
	g.Expect(strings.Count(cl.out.String(), "Rollout    demo/web")).To(BeNumerically("<=", 2))
	g.Expect(cl.out.String()).NotTo(ContainSubstring("\x1b"))
}

func TestGetWithoutRightToPods(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.fail = func(_ string, list any) error {
		if _, pods := list.(*corev1.PodList); pods {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
		}
		return nil
	}
	cl.expect(t, cl.run(t.Context(), "get", "rollout", "web"), ExitDone, "pods are not shown: you may not list them here", "1/1: pause until promoted")
}

func TestListForbidden(t *testing.T) {
	cl := newCluster(t)
	cl.fail = func(string, any) error {
		return apierrors.NewForbidden(schema.GroupResource{Group: "sluice.dev", Resource: "rollouts"}, "", nil)
	}
	cl.expect(t, cl.run(t.Context(), "list", "rollouts", "-A"), ExitUnanswered, "is forbidden", "sluice-view")
}

func TestColourOnlyOnATerminal(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		args     []string
		want     bool
	}{
		"terminal":   {true, nil, true},
		"pipe":       {false, nil, false},
		"not wanted": {true, []string{"--no-color"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, pausing())
			cl.terminal = c.terminal
			cl.expect(t, cl.run(t.Context(), append([]string{"list", "rollouts"}, c.args...)...), ExitDone, "web")
			if got := strings.Contains(cl.out.String(), "\x1b["); got != c.want {
				t.Errorf("colour: %v, want %v:\n%s", got, c.want, cl.out.String())
			}
		})
	}
}

func gitSync() *v1alpha1.GitSync {
	return &v1alpha1.GitSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "shop"},
		Spec:       v1alpha1.GitSyncSpec{Source: v1alpha1.GitSource{RepoURL: "https://git.example.com/shop.git"}},
	}
}

func (cl *cluster) handleSync(t *testing.T, applied metav1.ConditionStatus) {
	t.Helper()
	cl.acts <- func(ctx context.Context, c client.WithWatch) {
		gs := &v1alpha1.GitSync{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: "demo", Name: "shop"}, gs); err != nil {
			t.Error(err)
			return
		}
		gs.Status.LastHandledSyncRequest = gs.Annotations[v1alpha1.AnnotationSyncRequestedAt]
		gs.Status.Revision, gs.Status.LastAttemptedRevision = "abc", "abc"
		gs.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionApplied, Status: applied, Reason: "Reason", Message: "because"}}
		if err := c.Status().Update(ctx, gs); err != nil {
			t.Error(err)
		}
	}
}

func TestSync(t *testing.T) {
	cl := newCluster(t, gitSync())
	cl.handleSync(t, metav1.ConditionTrue)
	cl.expect(t, cl.run(t.Context(), "sync", "shop"), ExitDone, "GitSync demo/shop applied revision abc")

	cl = newCluster(t, gitSync())
	cl.handleSync(t, metav1.ConditionFalse)
	cl.expect(t, cl.run(t.Context(), "sync", "gs/shop"), ExitFailed, "could not apply commit abc: Reason: because")

	cl = newCluster(t, gitSync())
	cl.expect(t, cl.run(t.Context(), "sync", "shop", "--timeout", "1ms"), ExitTimeout, "was not done in 1ms")

	suspended := gitSync()
	suspended.Spec.Suspend = true
	cl = newCluster(t, suspended)
	cl.expect(t, cl.run(t.Context(), "sync", "shop"), ExitFailed, "is suspended")
}

func TestGetGitSync(t *testing.T) {
	ro := pausing()
	ro.Labels = map[string]string{v1alpha1.LabelGitSync: "demo.shop"}
	cl := newCluster(t, gitSync(), ro)
	cl.expect(t, cl.run(t.Context(), "get", "gitsync", "shop"), ExitDone, "https://git.example.com/shop.git", "web", "2222222222")
}

func TestVersionAndCompletion(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "version"), ExitDone, "kubectl-sluice v0.0.0-test, API sluice.dev/v1alpha1")
	cl = newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "completion", "bash"), ExitDone, "bash completion")
	cl = newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "__complete", "promote", ""), ExitDone, "web\tPaused")
}
