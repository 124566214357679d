package render

import (
	"container/list"
	"context"
	"sync"
)

// Cache keeps results and uses them for commits that leave their inputs as they were. It may be used by many
// goroutines.
type Cache struct {
	limits Limits
	max    int

	mu      sync.Mutex
	entries map[string]*list.Element
	order   *list.List
}

type cached struct {
	key    string
	result *Result
}

// NewCache returns a Cache for the latest result of each of up to max folders, the least recently used going first.
func NewCache(maxResults int, limits Limits) *Cache {
	return &Cache{limits: limits, max: maxResults, entries: map[string]*list.Element{}, order: list.New()}
}

// Render is Render, except that it builds nothing if the last result for this folder of this repository rests on inputs
// that are the same at this commit. It tells whether it has built.
func (c *Cache) Render(
	ctx context.Context, repository string, objects Objects, root, dir string,
) (result *Result, built bool, err error) {
	key := repository + "\x00" + inside(dir)
	if last := c.get(key); last != nil && last.Inputs.Same(objects, root) {
		return last, false, nil
	}
	result, err = Render(ctx, objects, root, dir, c.limits)
	if err != nil {
		return nil, true, err
	}
	c.put(key, result)
	return result, true, nil
}

func (c *Cache) get(key string) *Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*cached).result
}

func (c *Cache) put(key string, result *Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		element.Value.(*cached).result = result
		c.order.MoveToFront(element)
		return
	}
	c.entries[key] = c.order.PushFront(&cached{key: key, result: result})
	for c.order.Len() > c.max {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.entries, last.Value.(*cached).key)
	}
}
