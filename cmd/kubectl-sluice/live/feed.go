package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Query says which objects of one kind are wanted.
type Query struct {
	// List is an empty list of the kind, such as &v1alpha1.RolloutList{}.
	List client.ObjectList
	// Namespace of the objects; empty means all namespaces.
	Namespace string
	// Name of the object; empty means all names.
	Name string
	// Labels that the objects must match; nil means any.
	Labels labels.Selector
	// Optional says that a feed can do without these objects where the caller may not read them; see Missing.
	Optional bool
}

// Feed holds the objects of some queries as they are now.
type Feed struct {
	queries []Query
	sources []*source
	changed chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
}

// source is what is known of one query.
type source struct {
	store  cache.Store
	synced <-chan struct{}
	// failed receives the first error before synced.
	failed  chan error
	missing error
}

// Open lists what the queries ask for and watches it until ctx ends or the feed is closed. It returns once every list
// is there, or with the error of the first one that failed: the caller must tell its user at once, not after retries.
// Errors that come later are given to trouble, possibly from several goroutines, and the watch is taken up again.
func Open(ctx context.Context, c client.WithWatch, trouble func(error), queries ...Query) (*Feed, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &Feed{queries: queries, changed: make(chan struct{}, 1), stop: stop}
	for _, q := range queries {
		if err := f.add(ctx, c, q, trouble); err != nil {
			f.Close()
			return nil, err
		}
	}
	for i, s := range f.sources {
		select {
		case <-s.synced:
		case err := <-s.failed:
			if !queries[i].Optional || !apierrors.IsForbidden(err) { //nolint:gosec // a source is made for each query
				f.Close()
				return nil, err
			}
			s.missing = err
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
	return f, nil
}

// Missing returns why the objects of an optional query cannot be read, and nil where they can.
func (f *Feed) Missing(query int) error {
	s := f.sources[query]
	select {
	case <-s.synced: // The right was given meanwhile.
		return nil
	default:
		return s.missing
	}
}

// Changed receives after one or more changes; several that come together are told once.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Close ends the watches and waits for them.
func (f *Feed) Close() {
	f.stop()
	f.running.Wait()
}

// Objects returns the objects of the query with that index, by namespace and name. They are shared: do not change them.
func Objects[T client.Object](f *Feed, query int) []T {
	var out []T
	for _, item := range f.sources[query].store.List() {
		if obj, ok := item.(T); ok && f.queries[query].matches(obj) {
			out = append(out, obj)
		}
	}
	slices.SortFunc(out, func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	return out
}

func (f *Feed) add(ctx context.Context, c client.WithWatch, q Query, trouble func(error)) error {
	gvk, err := apiutil.GVKForObject(q.List, c.Scheme())
	if err != nil {
		return fmt.Errorf("watch %T: %w", q.List, err)
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	example, err := c.Scheme().New(gvk)
	if err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	objects := listWatch{client: c, query: q, refused: func(err error) {
		trouble(watchError(gvk.Kind, err))
	}}
	informer := cache.NewSharedInformer(objects, example, 0)
	inform := func() {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { inform() },
		UpdateFunc: func(any, any) { inform() },
		DeleteFunc: func(any) { inform() },
	})
	if err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	src := &source{
		store:  informer.GetStore(),
		synced: registration.HasSyncedChecker().Done(),
		failed: make(chan error, 1),
	}
	onError := func(ctx context.Context, _ *cache.Reflector, err error) {
		if ctx.Err() != nil || routine(err) {
			return
		}
		err = watchError(gvk.Kind, err)
		select {
		case <-src.synced:
			trouble(err)
		default:
			select {
			case src.failed <- err:
			default:
			}
		}
	}
	if err := informer.SetWatchErrorHandlerWithContext(onError); err != nil {
		return fmt.Errorf("watch %s: %w", gvk.Kind, err)
	}
	f.sources = append(f.sources, src)
	f.running.Go(func() { informer.RunWithContext(ctx) })
	return nil
}

func watchError(kind string, err error) error {
	return fmt.Errorf("watch %ss: %w", strings.ToLower(kind), err)
}

// routine says whether an error is how a watch ends in good order.
func routine(err error) bool {
	return errors.Is(err, io.EOF) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

func (q Query) options() *client.ListOptions {
	o := &client.ListOptions{Namespace: q.Namespace, LabelSelector: q.Labels}
	if q.Name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, q.Name)
	}
	return o
}

func (q Query) matches(obj client.Object) bool {
	return (q.Namespace == "" || obj.GetNamespace() == q.Namespace) &&
		(q.Name == "" || obj.GetName() == q.Name) &&
		(q.Labels == nil || q.Labels.Matches(labels.Set(obj.GetLabels())))
}

// listWatch lists and watches a query through a client.
type listWatch struct {
	client client.WithWatch
	query  Query
	// refused is told of the errors that the reflector keeps to itself and tries again after.
	refused func(error)
}

// IsWatchListSemanticsUnSupported keeps the reflector to a list and a watch: the lists here are short.
func (listWatch) IsWatchListSemanticsUnSupported() bool { return true }

// ListWithContext ignores the resource version that the reflector asks for: what follows a write of ours must have seen
// it, so the list is always the newest.
func (l listWatch) ListWithContext(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
	list, ok := l.query.List.DeepCopyObject().(client.ObjectList)
	if !ok {
		return nil, fmt.Errorf("%T is no list", l.query.List)
	}
	if err := l.client.List(ctx, list, l.query.options()); err != nil {
		return nil, err
	}
	return list, nil
}

// WatchWithContext watches from the reflector's resource version on.
func (l listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	list, ok := l.query.List.DeepCopyObject().(client.ObjectList)
	if !ok {
		return nil, fmt.Errorf("%T is no list", l.query.List)
	}
	o := l.query.options()
	o.Raw = &metav1.ListOptions{
		ResourceVersion:     options.ResourceVersion,
		AllowWatchBookmarks: options.AllowWatchBookmarks,
		TimeoutSeconds:      options.TimeoutSeconds,
	}
	w, err := l.client.Watch(ctx, list, o)
	if err != nil && ctx.Err() == nil && net.IsConnectionRefused(err) {
		l.refused(err)
	}
	return w, err
}

// List is here for the older interface, which the reflector does not use when the newer one is there.
func (l listWatch) List(metav1.ListOptions) (runtime.Object, error) {
	return nil, fmt.Errorf("list of %T without a context", l.query.List)
}

// Watch is here for the older interface, which the reflector does not use when the newer one is there.
func (l listWatch) Watch(metav1.ListOptions) (watch.Interface, error) {
	return nil, fmt.Errorf("watch of %T without a context", l.query.List)
}
