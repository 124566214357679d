package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// analysisVerdicts remember what was found of the analyses of each Rollout, and of what: to make a run is to compile every
// condition of its metrics, which is too dear for every look at a Rollout.
type analysisVerdicts struct{ remembered[analysisVerdict] }

type analysisVerdict struct {
	of      [sha256.Size]byte
	problem *plan.Problem
}

func newAnalysisVerdicts() *analysisVerdicts { return &analysisVerdicts{} }

func (v *analysisVerdicts) get(rollout types.NamespacedName, of [sha256.Size]byte) (*plan.Problem, bool) {
	known, ok := v.remembered.get(rollout)
	return known.problem, ok && known.of == of
}

// checkAnalysis makes the run of every analysis, without starting it.
func (r *Reconciler) checkAnalysis(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	analyses := o.rollout.Spec.Strategy.Analyses()
	if len(analyses) == 0 {
		return nil, nil
	}
	of, err := r.analysisInput(ctx, o, analyses)
	if err != nil {
		return nil, err
	}
	key := client.ObjectKeyFromObject(o.rollout)
	if problem, known := r.analyses.get(key, of); known {
		return problem, nil
	}
	problem, err := r.judgeAnalyses(ctx, o, analyses)
	if err != nil {
		return nil, err
	}
	r.analyses.put(key, analysisVerdict{of: of, problem: problem})
	return problem, nil
}

// analysisInput is the digest of all that a verdict rests on: the analyses, the versions of their templates, and the
// values of their arguments.
func (r *Reconciler) analysisInput(ctx context.Context, o *observation, analyses []v1alpha1.StrategyAnalysis) ([sha256.Size]byte, error) {
	input := []any{analyses}
	for _, at := range analyses {
		for _, ref := range at.Analysis.Templates {
			version, err := r.templateVersion(ctx, o.rollout.Namespace, ref)
			if err != nil {
				return [sha256.Size]byte{}, fmt.Errorf("get analysis template %s: %w", ref.TemplateName, err)
			}
			input = append(input, version)
		}
		args, err := arguments(o, at.Analysis.Args)
		input = append(input, args, fmt.Sprint(err))
	}
	content, err := json.Marshal(input)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode the analyses: %w", err)
	}
	return sha256.Sum256(content), nil
}

func (r *Reconciler) judgeAnalyses(ctx context.Context, o *observation, analyses []v1alpha1.StrategyAnalysis) (*plan.Problem, error) {
	if b := o.spec.Background; b.Key != "" && int(b.Start) > len(o.spec.Steps) {
		return problemf(v1alpha1.ReasonAnalysisInvalid, "spec.strategy.canary.analysis.startingStep: is %d, and there are %d steps; "+
			"give the index of a step, from 0", b.Start, len(o.spec.Steps)), nil
	}
	for _, at := range analyses {
		kind := wanted.AnalysisOfStep
		if at.Path == "canary.analysis" {
			kind = wanted.AnalysisInBackground
		}
		_, err := r.runSpec(ctx, o, wanted.Analysis{RolloutAnalysis: at.Analysis, Type: kind})
		if invalid, ok := errors.AsType[*invalidAnalysisError](err); ok {
			return problemf(v1alpha1.ReasonAnalysisInvalid, "spec.strategy.%s: %s", at.Path,
				strings.TrimPrefix(invalid.message, "invalid analysis: ")), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
