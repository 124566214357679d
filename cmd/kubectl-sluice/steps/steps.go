// Package steps counts the steps of a release as status counts them, and says in words what each does. Those of a canary
// are in its spec; those of a blue-green release follow from its settings.
package steps

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Kind tells the steps apart.
type Kind int

// The kinds of steps.
const (
	// Unknown is a step that this version does not know.
	Unknown Kind = iota
	// Weight gives the new revision a share of the traffic.
	Weight
	// Scale gives the new revision a number of pods.
	Scale
	// Pause waits for a time or for a person.
	Pause
	// Analysis waits for a verdict.
	Analysis
)

// The words of status.release.mode, which say what a release skips.
const (
	// ModeFull passes every pause; analysis still decides.
	ModeFull = "Full"
	// ModeFullSkipAnalysis passes analysis too.
	ModeFullSkipAnalysis = "FullSkipAnalysis"
	// ModeRollbackWindow takes no steps: the release goes back to a recent revision.
	ModeRollbackWindow = "RollbackWindow"
)

// Step is one step of a release.
type Step struct {
	Kind Kind
	// Text says what the step does, such as "set weight to 20 %".
	Text string
	// Duration of a Pause; 0 where it is Indefinite, or cannot be read.
	Duration time.Duration
	// Indefinite says that a Pause waits until somebody promotes.
	Indefinite bool
}

// Of returns the steps of the Rollout's strategy in order. Index 0 is step 1 of what people see.
func Of(ro *v1alpha1.Rollout) []Step {
	switch s := ro.Spec.Strategy; {
	case s.Canary != nil:
		out := make([]Step, 0, len(s.Canary.Steps))
		for _, step := range s.Canary.Steps {
			out = append(out, canary(step))
		}
		return out
	case s.BlueGreen != nil:
		return blueGreen(s.BlueGreen)
	}
	return nil
}

func canary(step v1alpha1.CanaryStep) Step {
	switch {
	case step.SetWeight != nil:
		return Step{Kind: Weight, Text: fmt.Sprintf("set weight to %d %%", *step.SetWeight)}
	case step.SetCanaryScale != nil:
		return Step{Kind: Scale, Text: scale(*step.SetCanaryScale)}
	case step.Pause != nil:
		return pause(*step.Pause)
	case step.Analysis != nil:
		return Step{Kind: Analysis, Text: "analysis of " + templates(step.Analysis)}
	}
	return Step{Text: "a step that this version does not know"}
}

func scale(s v1alpha1.SetCanaryScale) string {
	switch {
	case s.Replicas != nil:
		return fmt.Sprintf("set the canary to %d pods", *s.Replicas)
	case s.Weight != nil:
		return fmt.Sprintf("set the canary to %d %% of the pods", *s.Weight)
	}
	return "let the canary's pods follow the weight again"
}

func pause(p v1alpha1.RolloutPause) Step {
	if p.Duration == nil {
		return Step{Kind: Pause, Text: "pause until promoted", Indefinite: true}
	}
	out := Step{Kind: Pause, Text: "pause " + p.Duration.StrVal}
	if p.Duration.StrVal == "" {
		out.Text = fmt.Sprintf("pause %ds", p.Duration.IntVal)
	}
	if d, err := v1alpha1.ParsePauseDuration(*p.Duration); err == nil {
		out.Duration = d
	}
	return out
}

// blueGreen returns the preview, the analysis before the switch, the pause, the switch and the analysis after it, those
// of them that there are.
func blueGreen(b *v1alpha1.BlueGreenStrategy) []Step {
	preview := Step{Kind: Scale, Text: "bring the preview up at full size"}
	if b.PreviewReplicaCount != nil {
		preview.Text = fmt.Sprintf("bring the preview up with %d pods", *b.PreviewReplicaCount)
	}
	out := []Step{preview}
	if b.PrePromotionAnalysis != nil {
		out = append(out, Step{Kind: Analysis, Text: "analysis before the switch, of " + templates(b.PrePromotionAnalysis)})
	}
	switch {
	case b.AutoPromotionEnabled != nil && !*b.AutoPromotionEnabled:
		out = append(out, Step{Kind: Pause, Text: "pause until promoted", Indefinite: true})
	case b.AutoPromotionSeconds != nil && *b.AutoPromotionSeconds > 0:
		d := time.Duration(*b.AutoPromotionSeconds) * time.Second
		out = append(out, Step{Kind: Pause, Text: "pause " + d.String(), Duration: d})
	}
	out = append(out, Step{Kind: Weight, Text: "switch all traffic to the new revision"})
	if b.PostPromotionAnalysis != nil {
		out = append(out, Step{Kind: Analysis, Text: "analysis after the switch, of " + templates(b.PostPromotionAnalysis)})
	}
	return out
}

func templates(a *v1alpha1.RolloutAnalysis) string {
	names := make([]string, 0, len(a.Templates))
	for _, template := range a.Templates {
		names = append(names, template.TemplateName)
	}
	return strings.Join(names, ", ")
}
