package analysisrun

import "sync"

// share of the workers that the runs of one namespace may hold at a time: one in four.
const share = 4

// bulkhead keeps runs whose providers hang from holding all workers: those of one namespace get a share of them.
type bulkhead struct {
	limit int

	mu   sync.Mutex
	held map[string]int
}

func newBulkhead(workers int) *bulkhead {
	return &bulkhead{limit: max(1, workers/share), held: map[string]int{}}
}

// enter takes a place for a namespace, or gives false where it has all of its places taken. Each place taken must be
// given back by leave.
func (b *bulkhead) enter(namespace string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[namespace] >= b.limit {
		return false
	}
	b.held[namespace]++
	return true
}

func (b *bulkhead) leave(namespace string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[namespace]--; b.held[namespace] == 0 {
		delete(b.held, namespace)
	}
}
