//go:build linux

// Package relay lets the machine reach a cluster that is in a network namespace
// of its own: it listens on free loopback ports of the machine and dials inside.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/netns"
)

// dialTimeout bounds a connection attempt inside the namespace.
const dialTimeout = 5 * time.Second

// Listen opens a free loopback port of the machine.
func Listen() (*net.TCPListener, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return listener, nil
}

// Serve hands every connection on a listener to the address that it maps to,
// dialled in the named network namespace. It returns when ctx is done.
func Serve(ctx context.Context, namespace string, targets map[*net.TCPListener]string) error {
	dialer, err := newDialer(ctx, namespace)
	if err != nil {
		return err
	}
	for listener, target := range targets {
		go accept(ctx, listener, target, dialer)
	}
	<-ctx.Done()
	for listener := range targets {
		_ = listener.Close()
	}
	return nil
}

func accept(ctx context.Context, listener *net.TCPListener, target string, dialer *dialer) {
	for {
		outer, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, most likely: it passes
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go func() {
			inner, err := dialer.dial(ctx, target)
			if err != nil {
				// A reset tells the client what a refused connection would.
				_ = outer.SetLinger(0)
				_ = outer.Close()
				return
			}
			join(outer, inner)
		}()
	}
}

// join copies both ways until both sides have ended.
func join(a, b *net.TCPConn) {
	done := make(chan struct{})
	go func() {
		copyHalf(a, b)
		close(done)
	}()
	copyHalf(b, a)
	<-done
	_ = a.Close()
	_ = b.Close()
}

// copyHalf copies one way and passes the end of the stream on; a broken stream
// breaks the other one too.
func copyHalf(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = to.CloseWrite()
}

// dialer dials on threads that stay in the namespace: a socket belongs to the
// namespace of the thread that opened it.
type dialer struct {
	requests chan request
}

type request struct {
	target string
	answer chan<- answer
}

type answer struct {
	connection *net.TCPConn
	err        error
}

// dialThreads is how many connections may be dialled at the same time.
const dialThreads = 4

func newDialer(ctx context.Context, namespace string) (*dialer, error) {
	d := &dialer{requests: make(chan request)}
	ready := make(chan error, dialThreads)
	for range dialThreads {
		go d.serve(ctx, namespace, ready)
	}
	var err error
	for range dialThreads {
		err = errors.Join(err, <-ready)
	}
	return d, err
}

func (d *dialer) serve(ctx context.Context, namespace string, ready chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	err := netns.Enter(namespace)
	ready <- err
	if err != nil {
		return
	}
	direct := net.Dialer{Timeout: dialTimeout}
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-d.requests:
			connection, err := direct.Dial("tcp4", request.target)
			if err != nil {
				request.answer <- answer{err: fmt.Errorf("relay: %w", err)}
				continue
			}
			request.answer <- answer{connection: connection.(*net.TCPConn)}
		}
	}
}

func (d *dialer) dial(ctx context.Context, target string) (*net.TCPConn, error) {
	answers := make(chan answer, 1)
	select {
	case d.requests <- request{target: target, answer: answers}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	got := <-answers
	return got.connection, got.err
}
