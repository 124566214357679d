package rollout

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// oneObject is a cache with at most one Service.
type oneObject struct {
	client.Reader
	service *corev1.Service
}

func (c oneObject) Get(_ context.Context, key client.ObjectKey, out client.Object, _ ...client.GetOption) error {
	if c.service == nil {
		return apierrors.NewNotFound(corev1.Resource("services"), key.Name)
	}
	c.service.DeepCopyInto(out.(*corev1.Service))
	return nil
}

func TestExpectations(t *testing.T) {
	at := func(version string, uid types.UID) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "s", ResourceVersion: version, UID: uid}}
	}
	leaving := at("9", "u")
	leaving.DeletionTimestamp = &metav1.Time{}
	now := time.Unix(1000, 0)
	name := types.NamespacedName{Namespace: "n", Name: "web"}
	written := func(e *expectations) { e.remember(name, kindService, at("100", "u"), now) }
	deleted := func(e *expectations) { e.forgetObject(name, kindService, at("100", "u"), now) }
	for what, c := range map[string]struct {
		did   func(*expectations)
		cache *corev1.Service
		later time.Duration
		want  bool
	}{
		"nothing done":                  {func(*expectations) {}, nil, 0, true},
		"not seen":                      {written, nil, 0, false},
		"seen before the write":         {written, at("99", "u"), 0, false},
		"fewer digits are older":        {written, at("20", "u"), 0, false},
		"seen as written":               {written, at("100", "u"), 0, true},
		"seen after":                    {written, at("1000", "u"), 0, true},
		"waited long enough":            {written, at("99", "u"), expectationTTL, true},
		"still there":                   {deleted, at("100", "u"), 0, false},
		"gone":                          {deleted, nil, 0, true},
		"another of the name":           {deleted, at("120", "v"), 0, true},
		"on its way":                    {deleted, leaving, 0, true},
		"versions that are not numbers": {written, at("abc", "u"), 0, false},
	} {
		e := newExpectations()
		c.did(e)
		got, err := e.met(t.Context(), oneObject{service: c.cache}, name, now.Add(c.later))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", what, got, err)
		}
		if got && len(e.pending) != 0 {
			t.Errorf("%s: something is left", what)
		}
	}
}
