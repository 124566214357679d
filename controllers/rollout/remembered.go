package rollout

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// remembered is what is remembered of each Rollout while the process runs. The zero value remembers nothing. A Rollout is
// worked on by one worker at a time, so that what was got is still there when something else is put in its place.
type remembered[T any] struct {
	mu sync.Mutex
	by map[types.NamespacedName]T
}

func (m *remembered[T]) get(rollout types.NamespacedName) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.by[rollout]
	return known, ok
}

func (m *remembered[T]) put(rollout types.NamespacedName, known T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[types.NamespacedName]T{}
	}
	m.by[rollout] = known
}

func (m *remembered[T]) forget(rollout types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, rollout)
}
