package render

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what went wrong.
type Kind string

// The kinds of failures.
const (
	// PathNotFound: the folder does not exist at the commit.
	PathNotFound Kind = "PathNotFound"
	// Invalid: a file is malformed, or the build failed on it.
	Invalid Kind = "Invalid"
	// Refused: a file asks for something that a build may not do.
	Refused Kind = "Refused"
	// TooLarge: a bound was exceeded.
	TooLarge Kind = "TooLarge"
	// Unreadable: the repository could not be read, or the time was over; another attempt may succeed.
	Unreadable Kind = "Unreadable"
)

// Error is a failure to render.
type Error struct {
	Kind Kind
	// File is the path in the repository of the file or folder that is at fault; empty if not known.
	File string
	// Text says what is wrong and, where it is known, what to do.
	Text string
}

// Error implements error.
func (e *Error) Error() string {
	if e.File == "" {
		return e.Text
	}
	return e.File + ": " + e.Text
}

// maxText bounds the text of an error that kustomize returned.
const maxText = 600

// explain makes an Error of what a build returned.
func explain(path string, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{Kind: Unreadable, File: path, Text: "the build took too long and was stopped"}
	}
	return &Error{Kind: Invalid, File: path, Text: shorten(err.Error())}
}

// shorten puts a text on one line and keeps its end, where kustomize puts the cause.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		return "…" + strings.ToValidUTF8(text[len(text)-maxText:], "")
	}
	return text
}

func refused(file, format string, args ...any) *Error {
	return &Error{Kind: Refused, File: file, Text: fmt.Sprintf(format, args...)}
}

func invalid(file, format string, args ...any) *Error {
	return &Error{Kind: Invalid, File: file, Text: fmt.Sprintf(format, args...)}
}
