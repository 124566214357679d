package live

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Follow gives see the object that the query names, at once and after each change, until see says that it is done, fails,
// or ctx ends; then it returns the cause of that. While the object does not exist, see gets exists as false. Changes that
// come together may be seen as one.
func Follow[T client.Object](
	ctx context.Context, c client.WithWatch, trouble func(error), q Query, see func(obj T, exists bool) (done bool, err error),
) error {
	feed, err := Open(ctx, c, trouble, q)
	if err != nil {
		return err
	}
	defer feed.Close()
	for {
		var obj T
		objects := Objects[T](feed, 0)
		if len(objects) > 0 {
			obj = objects[0]
		}
		done, err := see(obj, len(objects) > 0)
		if done || err != nil {
			return err
		}
		select {
		case <-feed.Changed():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
