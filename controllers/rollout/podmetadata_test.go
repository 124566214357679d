package rollout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

func TestMetadataFor(t *testing.T) {
	canary, stable := map[string]string{"role": "canary"}, map[string]string{"role": "stable"}
	strategy := v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{
		CanaryMetadata: &v1alpha1.EphemeralMetadata{Labels: canary}, StableMetadata: &v1alpha1.EphemeralMetadata{Labels: stable},
	}}
	asCanary := extras.Metadata{Role: extras.Canary, Labels: canary}
	asStable := extras.Metadata{Role: extras.Stable, Labels: stable}
	for name, test := range map[string]struct {
		revision string
		state    plan.State
		recorded extras.Metadata
		want     extras.Metadata
	}{
		"the first of all":       {"new", plan.State{Candidate: "new"}, extras.Metadata{}, asStable},
		"the stable one":         {"old", plan.State{Stable: "old", Candidate: "new"}, extras.Metadata{}, asStable},
		"the canary":             {"new", plan.State{Stable: "old", Candidate: "new"}, extras.Metadata{}, asCanary},
		"about to be made":       {"new", plan.State{Stable: "old"}, extras.Metadata{}, asCanary},
		"promoted":               {"new", plan.State{Stable: "new", SwitchingFrom: "old"}, asCanary, asStable},
		"was stable":             {"old", plan.State{Stable: "new", SwitchingFrom: "old"}, asStable, extras.Metadata{}},
		"was aborted":            {"other", plan.State{Stable: "old"}, asCanary, asCanary},
		"was nothing":            {"other", plan.State{Stable: "old"}, extras.Metadata{}, extras.Metadata{}},
		"is stable once again":   {"old", plan.State{Stable: "old"}, asCanary, asStable},
		"is a canary once again": {"other", plan.State{Stable: "old", Candidate: "other"}, asStable, asCanary},
	} {
		t.Run(name, func(t *testing.T) {
			o := &observation{
				rollout:  &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: strategy}},
				revision: wanted.Revision{Name: "new"}, seen: plan.Observed{State: test.state},
			}
			got := metadataFor(o, test.revision, extras.Record{Metadata: test.recorded})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAffinityFor(t *testing.T) {
	preferred := &v1alpha1.AntiAffinity{Preferred: &v1alpha1.PreferredAntiAffinity{Weight: 7}}
	required := &v1alpha1.AntiAffinity{Required: &v1alpha1.RequiredAntiAffinity{}}
	for name, test := range map[string]struct {
		strategy v1alpha1.RolloutStrategy
		stable   string
		want     extras.Affinity
	}{
		"none":                     {v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{}}, "old", extras.Affinity{}},
		"nothing to keep off":      {v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{AntiAffinity: required}}, "", extras.Affinity{}},
		"itself":                   {v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{AntiAffinity: required}}, "new", extras.Affinity{}},
		"required":                 {v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{AntiAffinity: required}}, "old", extras.Affinity{Against: "old"}},
		"preferred, in blue-green": {v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{AntiAffinity: preferred}}, "old", extras.Affinity{Against: "old", Weight: 7}},
	} {
		o := &observation{
			rollout: &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: test.strategy}},
			seen:    plan.Observed{State: plan.State{Stable: test.stable}},
		}
		if got := affinityFor(o, "new"); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestPodMetadataProblems(t *testing.T) {
	for name, test := range map[string]struct {
		metadata v1alpha1.EphemeralMetadata
		want     string
	}{
		"fine":                       {v1alpha1.EphemeralMetadata{Labels: map[string]string{"role": "canary"}, Annotations: map[string]string{"example.com/Note": "any text!"}}, ""},
		"selected by the Rollout":    {v1alpha1.EphemeralMetadata{Labels: map[string]string{"app": "x"}}, "is selected by the Rollout"},
		"selected by its expression": {v1alpha1.EphemeralMetadata{Labels: map[string]string{"tier": "x"}}, "is selected by the Rollout"},
		"selected by a Service":      {v1alpha1.EphemeralMetadata{Labels: map[string]string{"serve": "x"}}, "is selected by Service web"},
		"the label of revisions":     {v1alpha1.EphemeralMetadata{Labels: map[string]string{v1alpha1.LabelPodTemplateHash: "x"}}, "this controller"},
		"the label of Deployments":   {v1alpha1.EphemeralMetadata{Labels: map[string]string{"pod-template-hash": "x"}}, "controller of Deployments"},
		"no label's value":           {v1alpha1.EphemeralMetadata{Labels: map[string]string{"role": "a b"}}, "canaryMetadata.labels: role"},
		"no label's key":             {v1alpha1.EphemeralMetadata{Labels: map[string]string{"a b": ""}}, "canaryMetadata.labels: a b"},
		"no annotation's key":        {v1alpha1.EphemeralMetadata{Annotations: map[string]string{"a b": ""}}, "canaryMetadata.annotations: a b"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &observation{
				rollout: &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{
					Canary: &v1alpha1.CanaryStrategy{CanaryMetadata: &test.metadata},
				}}},
				source: podSource{selector: metav1.LabelSelector{
					MatchLabels:      map[string]string{"app": "web"},
					MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpExists}},
				}},
				services: map[plan.ServiceRole]*corev1.Service{plan.StableService: {
					ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"serve": "yes"}},
				}},
			}
			problem := checkPodMetadata(o)
			if test.want == "" && problem != nil || test.want != "" && (problem == nil || !strings.Contains(problem.Message, test.want)) {
				t.Errorf("got %+v, want %q", problem, test.want)
			}
		})
	}
}

func TestSettledPods(t *testing.T) {
	s, rollout := newSettledPods(), types.NamespacedName{Namespace: "team", Name: "web"}
	set := func(uid types.UID, record string) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{UID: uid, Annotations: map[string]string{v1alpha1.AnnotationPodMetadata: record}}}
	}
	s.put(rollout, set("a", "1"))
	s.put(rollout, set("b", "1"))
	if !s.is(rollout, set("a", "1")) || s.is(rollout, set("a", "2")) || s.is(rollout, set("c", "1")) {
		t.Error("what is settled is not told apart")
	}
	s.keep(rollout, map[string]*appsv1.ReplicaSet{"x": set("b", "1")})
	if s.is(rollout, set("a", "1")) || !s.is(rollout, set("b", "1")) {
		t.Error("the wrong one was dropped")
	}
	s.forget(rollout)
	if s.is(rollout, set("b", "1")) {
		t.Error("it was forgotten")
	}
}
