package rollout

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// Each strategy needs other things of its Services, and the message names the field that the user wrote.
func TestCheckServices(t *testing.T) {
	service := func(name string, change ...func(*corev1.Service)) *corev1.Service {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: "abc"}, Ports: []corev1.ServicePort{{Port: 80}},
		}}
		for _, c := range change {
			c(s)
		}
		return s
	}
	otherPort := func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 }
	foreign := func(s *corev1.Service) { s.Spec.Selector["app"] = "other" }
	open := func(s *corev1.Service) { s.Spec.Selector = map[string]string{v1alpha1.LabelPodTemplateHash: "abc"} }
	external := func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName }

	canary := v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{StableService: "s", CanaryService: "c"}}
	unnamed := v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{}}
	blueGreen := v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{ActiveService: "s", PreviewService: "c"}}
	for name, c := range map[string]struct {
		strategy       v1alpha1.RolloutStrategy
		mover          plan.Mover
		stable, canary *corev1.Service
		withdraw       bool
		want           string
	}{
		"good":               {strategy: canary, stable: service("s"), canary: service("c")},
		"no canary Service":  {strategy: canary, stable: service("s"), want: `spec.strategy.canary.canaryService: Service "c" does not exist`},
		"none is named":      {strategy: unnamed, mover: plan.ByReplicas},
		"ports with routes":  {strategy: canary, stable: service("s"), canary: service("c", otherPort), want: `spec.strategy.canary.canaryService: Service "c" lacks port 80`},
		"ports without":      {strategy: canary, mover: plan.ByReplicas, stable: service("s"), canary: service("c", otherPort)},
		"blue-green ports":   {strategy: blueGreen, mover: plan.BySelector, stable: service("s"), canary: service("c", otherPort)},
		"no active Service":  {strategy: blueGreen, mover: plan.BySelector, canary: service("c"), want: `spec.strategy.blueGreen.activeService: Service "s" does not exist`},
		"no preview Service": {strategy: blueGreen, mover: plan.BySelector, stable: service("s"), want: `spec.strategy.blueGreen.previewService: Service "c" does not exist`},
		"foreign selector":   {strategy: canary, stable: service("s", foreign), canary: service("c"), want: "selects app=other"},
		"no selector":        {strategy: canary, stable: service("s", open), canary: service("c"), want: "has no selector"},
		"ExternalName":       {strategy: canary, stable: service("s", external), canary: service("c"), want: "ExternalName"},
		"of another strategy": {
			strategy: blueGreen, stable: service("s"), withdraw: true, want: `status.release.drives.canaryService: Service "c" does not exist`,
		},
	} {
		o := &observation{
			rollout: &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: c.strategy}}, drives: wanted.Drives(c.strategy),
			services: map[plan.ServiceRole]*corev1.Service{},
		}
		o.source.template.Metadata.Labels = map[string]string{"app": "web"}
		o.spec.Mover, o.spec.Withdraw = c.mover, c.withdraw
		if c.stable != nil {
			o.services[plan.StableService] = c.stable
		}
		if c.canary != nil {
			o.services[plan.CanaryService] = c.canary
		}
		problem, err := checkServices(t.Context(), nil, o)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && problem != nil:
			t.Errorf("%s: %+v", name, problem)
		case c.want != "" && (problem == nil || !strings.Contains(problem.Message, c.want) || problem.Reason != v1alpha1.ReasonServiceInvalid):
			t.Errorf("%s: %+v, want %q", name, problem, c.want)
		}
	}
}

func TestOwnLabelIsRefused(t *testing.T) {
	own := map[string]string{v1alpha1.LabelPodTemplateHash: "abc"}
	for name, c := range map[string]struct {
		source podSource
		want   string
	}{
		"neither":     {podSource{}, ""},
		"selector":    {podSource{selector: metav1.LabelSelector{MatchLabels: own}}, "spec.selector"},
		"expressions": {podSource{selector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: v1alpha1.LabelPodTemplateHash}}}}, "spec.selector"},
		"template":    {podSource{template: v1alpha1.PodTemplate{Metadata: v1alpha1.TemplateMetadata{Labels: own}}}, "spec.template"},
	} {
		problem, err := checkOwnLabel(t.Context(), nil, &observation{source: c.source})
		if err != nil || (problem != nil) != (c.want != "") || problem != nil && !strings.HasPrefix(problem.Message, c.want) {
			t.Errorf("%s: %+v, %v", name, problem, err)
		}
	}
}
