package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// Exit codes of every command.
const (
	// ExitDone: healthy, or what was asked for was done.
	ExitDone = 0
	// ExitFailed: the release is degraded, aborted, rejected or superseded, or the request was refused.
	ExitFailed = 1
	// ExitUnanswered: the question could not be asked: wrong usage, no such object, no right, no connection.
	ExitUnanswered = 2
	// ExitTimeout: it had not come about in the time that was given, or not yet where no wait was asked for.
	ExitTimeout = 3
	// exitInterrupted: the person stopped it.
	exitInterrupted = 130
)

const exitCodesHelp = `Exit codes:
  0  healthy, or what was asked for was done
  1  degraded, aborted, rejected or superseded; or the request was refused
  2  wrong usage, no such object, no right or no connection
  3  not in the time given by --timeout, or not yet`

// exitError ends the program with a code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitWith(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

// exitCode returns the code with which an error ends the program.
func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	if quiet, ok := errors.AsType[*quietError](err); ok {
		return quiet.code
	}
	if _, ok := errors.AsType[*request.RefusedError](err); ok {
		return ExitFailed
	}
	return ExitUnanswered
}

// errTimeout is the cause of the end of a wait that took too long.
var errTimeout = errors.New("timed out")

// within bounds ctx by a timeout, of which 0 means none.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

// explain adds to an error of the API server what it was about and what to do.
func explain(err error, kind, namespace, name string) error {
	object := fmt.Sprintf("%s %s/%s", kind, namespace, name)
	if name == "" {
		object = kind + "s"
	}
	var network net.Error
	switch {
	case err == nil:
		return nil
	case isOurs(err):
		return err
	case meta.IsNoMatchError(err):
		return fmt.Errorf("the cluster does not know the kind %s: is Sluice installed there, and is --context right?", kind)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s not found: is --namespace right, and --context? kubectl get %ss%s -A shows all there are",
			object, lower(kind), groups[kind])
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w\nWho may do what is in the ClusterRoles sluice-view, sluice-promoter, sluice-aborter, "+
			"sluice-operator, sluice-override and sluice-edit; kubectl auth can-i tells what you may", object, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: the cluster does not accept your credentials, log in again: %w", object, err)
	case errors.As(err, &network):
		return fmt.Errorf("%s: the cluster cannot be reached, is --context right? %w", object, err)
	}
	return fmt.Errorf("%s: %w", object, err)
}

// isOurs says whether an error says all that there is to say.
func isOurs(err error) bool {
	if _, ok := errors.AsType[*exitError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*request.RefusedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*quietError](err); ok {
		return true
	}
	return errors.Is(err, errTimeout) || errors.Is(err, context.Canceled)
}

// quietError ends the program with a code when all is said already.
type quietError struct{ code int }

func (e *quietError) Error() string { return fmt.Sprintf("exit code %d", e.code) }
