package pipeline

import (
	"errors"
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
)

// ErrClosed is what Run returns when its Workers are closed.
var ErrClosed = errors.New("pipeline: workers are closed")

// SpecError says which field of a Spec is wrong.
type SpecError struct {
	Field  string // as in JSON, with dots: "resize.width"
	Reason string // "got 0, want 1..65535"
}

func (e *SpecError) Error() string { return "pipeline: " + e.Field + ": " + e.Reason }

func specErrorf(field, format string, args ...any) *SpecError {
	return &SpecError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// FrameError is the Result.Err of a frame that does not match the Spec.
type FrameError struct{ Got, Want frame.Desc }

func (e *FrameError) Error() string {
	return fmt.Sprintf("pipeline: wrong frame: got %s, want %s", e.Got, e.Want)
}

// PanicError is the Result.Err of a frame at which a stage panicked: a fault in this module, or in the frame's memory.
type PanicError struct {
	Value any    // what the stage panicked with
	Stack []byte // of the goroutine, as debug.Stack gives it
}

func (e *PanicError) Error() string { return fmt.Sprintf("pipeline: panic in a stage: %v", e.Value) }

// Unwrap returns the panic's value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
