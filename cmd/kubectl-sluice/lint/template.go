package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// podTemplate is a pod template, the object that it is in, and the path of its field there.
type podTemplate struct {
	v1alpha1.PodTemplate
	object *manifest.Object
	path   string
	// typed is the template as this version knows it; nil where it cannot be read.
	typed *corev1.PodTemplateSpec
}

// checkTemplate reads the Rollout's own template, where it has one, and looks at the template that it runs.
func (s *subject) checkTemplate() {
	if s.rollout.Spec.WorkloadRef == nil && len(s.rollout.Spec.Template.Spec.Raw) > 0 {
		s.template = &podTemplate{PodTemplate: s.rollout.Spec.Template, object: s.object, path: "spec.template"}
	}
	t := s.template
	if t == nil {
		return
	}
	s.readStrictly()
	if t.typed == nil {
		return
	}
	s.checkContainers()
	s.checkProbes()
	s.checkGrace()
}

// sayTemplate tells of a field of the template, wherever that is.
func (s *subject) sayTemplate(r Rule, field, format string, args ...any) {
	path := s.template.path
	if field != "" {
		path += "." + field
	}
	s.found.add(s.template.object, r, path, fmt.Sprintf(format, args...))
}

var (
	unknownFieldText = regexp.MustCompile(`(unknown|duplicate) field "template\.([^"]+)"`)
	wrongTypeText    = regexp.MustCompile(`of type (\S+)$`)
)

// strictReader reads core kinds, and refuses fields that they do not have.
var strictReader = sync.OnceValues(func() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	err := corev1.AddToScheme(scheme)
	return kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, kjson.SerializerOptions{Strict: true}), err
})

// readStrictly reads the template as the API server does, with fields that this version does not know as warnings: the
// cluster may be newer.
func (s *subject) readStrictly() {
	t := s.template
	data, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "PodTemplate", "template": t.object.At(strings.Split(t.path, ".")...),
	})
	if err != nil {
		return
	}
	strict, err := strictReader()
	if err != nil {
		return
	}
	object := &corev1.PodTemplate{}
	_, _, err = strict.Decode(data, nil, object)
	if unknown, ok := runtime.AsStrictDecodingError(err); ok {
		for _, err := range unknown.Errors() {
			if match := unknownFieldText.FindStringSubmatch(err.Error()); match != nil {
				s.sayTemplate(ruleField, match[2], "%s field: pods as this version knows them have no such field; is it misspelt, or "+
					"is the cluster newer?", match[1])
			}
		}
		err = nil
	}
	if err != nil {
		field, message := wrongType(err)
		s.sayTemplate(ruleTemplate, field, "%s", message)
		return
	}
	t.typed = &object.Template
}

// wrongType is the field and the reason of a value of another type than the field's.
func wrongType(err error) (field, message string) {
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return strings.TrimPrefix(typed.Field, "template."), fmt.Sprintf("is a %s, and has to be of type %s", typed.Value, typed.Type)
	}
	text := err.Error()
	if match := wrongTypeText.FindStringSubmatch(text); match != nil {
		if _, after, found := strings.Cut(text, "template."); found {
			field, _, _ = strings.Cut(after, " ")
		}
	}
	return field, text
}

// checkContainers holds the few things that every pod needs.
func (s *subject) checkContainers() {
	spec := s.template.typed.Spec
	if len(spec.Containers) == 0 {
		s.sayTemplate(ruleTemplate, "spec.containers", "a pod needs a container")
	}
	if p := spec.RestartPolicy; p != "" && p != corev1.RestartPolicyAlways {
		s.sayTemplate(ruleTemplate, "spec.restartPolicy", "%s: the pods of a ReplicaSet have Always", p)
	}
	names := map[string]bool{}
	check := func(list string, containers []corev1.Container) {
		for i, c := range containers {
			path := fmt.Sprintf("spec.%s[%d]", list, i)
			switch {
			case c.Name == "":
				s.sayTemplate(ruleTemplate, path, "a container needs a name")
			case names[c.Name]:
				s.sayTemplate(ruleTemplate, path+".name", "there are two containers %q", c.Name)
			}
			names[c.Name] = true
			s.checkImage(path, c)
		}
	}
	check("initContainers", spec.InitContainers)
	check("containers", spec.Containers)
}

func (s *subject) checkImage(path string, c corev1.Container) {
	if c.Image == "" {
		s.sayTemplate(ruleTemplate, path, "container %q needs an image", c.Name)
		return
	}
	if strings.Contains(c.Image, "@") {
		return
	}
	name := c.Image[strings.LastIndex(c.Image, "/")+1:]
	_, tag, tagged := strings.Cut(name, ":")
	if !tagged || tag == "latest" {
		s.sayTemplate(ruleImage, path+".image", "%q has no version: when it changes the template does not, and nothing is released", c.Image)
	}
}

// checkProbes wants one container that says when the pod is ready.
func (s *subject) checkProbes() {
	containers := s.template.typed.Spec.Containers
	var slowest time.Duration
	probed := false
	for _, c := range containers {
		if p := c.ReadinessProbe; p != nil {
			probed = true
			slowest = max(slowest, time.Duration(p.InitialDelaySeconds)*time.Second)
		}
	}
	if !probed && len(containers) > 0 {
		s.sayTemplate(ruleProbe, "spec.containers", "no container has a readinessProbe: a pod counts as ready, and gets requests, as soon as it "+
			"runs; give it one, and let the app answer for some seconds after SIGTERM")
	}
	deadline := time.Duration(or(s.rollout.Spec.ProgressDeadlineSeconds, defaultDeadlineSeconds)) * time.Second
	least := slowest + time.Duration(or(s.rollout.Spec.MinReadySeconds, 0))*time.Second
	if slowest > 0 && deadline <= least {
		s.say(ruleDeadline, "spec.progressDeadlineSeconds",
			"%s is over before a pod can be available: its readiness probe waits for %s, and minReadySeconds is %d",
			deadline, slowest, or(s.rollout.Spec.MinReadySeconds, 0))
	}
}

// The defaults that the API documents.
const (
	defaultDeadlineSeconds = 600
	defaultSettleSeconds   = 5
	defaultGraceSeconds    = 30
)

// checkGrace wants the pods to live on while a gateway may still send to them.
func (s *subject) checkGrace() {
	routing := s.rollout.Spec.Strategy.Routing()
	if routing == nil {
		return
	}
	settle := int64(or(routing.SettleSeconds, defaultSettleSeconds))
	grace := or(s.template.typed.Spec.TerminationGracePeriodSeconds, defaultGraceSeconds)
	if grace < settle {
		s.sayTemplate(ruleGrace, "spec.terminationGracePeriodSeconds", "%d is less than the %d seconds for which a gateway may still send requests "+
			"(trafficRouting.settleSeconds)", grace, settle)
	}
}

// checkSelector holds the Rollout's selector to its own pods, and to no others.
func (s *subject) checkSelector() {
	if s.template == nil || len(s.rollout.Spec.Selector.MatchLabels)+len(s.rollout.Spec.Selector.MatchExpressions) == 0 {
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(&s.rollout.Spec.Selector)
	if err != nil {
		s.say(ruleSelector, "spec.selector", "%v", err)
		return
	}
	if !selector.Matches(s.labels()) {
		s.say(ruleSelector, "spec.selector", "%s does not select the pods of the template, whose labels are %s", selector, s.labels())
	}
	s.checkOverlap(selector)
}

// checkOverlap looks for other workloads whose pods the selector catches.
func (s *subject) checkOverlap(selector labels.Selector) {
	for _, k := range []kind{kindRollout, kindDeployment} {
		for _, other := range s.index.in(k, s.object) {
			if other == s.object || s.isOwnWorkload(k, other) {
				continue
			}
			caught := labels.Set{}
			for key, value := range fields(other.At("spec", "template", "metadata", "labels")) {
				caught[key], _ = value.(string)
			}
			if len(caught) > 0 && selector.Matches(caught) {
				s.say(ruleOverlap, "spec.selector", "%s also selects the pods of %s (%s:%d); give one of them a label of its own",
					selector, other, other.File, other.Line)
			}
		}
	}
}

func fields(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}
