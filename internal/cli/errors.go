package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
)

// ErrInterrupted is the cause of a run that the user ended.
var ErrInterrupted = errors.New("interrupted")

// UsageError is about the command line: nothing was read or written.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error that is wrapped.
func (e *UsageError) Unwrap() error { return e.Err }

// usagef returns a *UsageError.
func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// RawSizeError is a raw file whose size is not a whole number of frames: its geometry was given wrong, or it was cut.
type RawSizeError struct {
	Path  string
	Size  int64 // bytes of the file
	Frame int   // bytes of one frame
	Desc  frame.Desc
}

func (e *RawSizeError) Error() string {
	whole, rest := e.Size/int64(e.Frame), e.Size%int64(e.Frame)
	s := fmt.Sprintf("input %s has %d bytes: %s and %d bytes more, at %d bytes a frame of %s; check --format and --size",
		e.Path, e.Size, count(int(whole), "frame"), rest, e.Frame, e.Desc)
	if whole > 0 {
		s += fmt.Sprintf(", or if the file was cut short, add --frames %d", whole)
	}
	return s
}

// count returns "1 frame", "2 frames".
func count(n int, noun string) string { return countOf(n, noun, noun+"s") }

// countOf is count for a noun with a plural of its own.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// advice says what to do about an operating system's error.
var advice = map[syscall.Errno]string{
	syscall.ENOSPC: "free some space, or write elsewhere",
	syscall.EDQUOT: "free some space, or write elsewhere",
	syscall.EACCES: "change its permissions, or write elsewhere",
	syscall.EPERM:  "change its permissions, or write elsewhere",
	syscall.EROFS:  "write elsewhere",
}

// reason returns err without the operation and path that os puts in front: the caller names the thing in words of its own.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}

// withAdvice is reason, with what to do about it where that is known.
func withAdvice(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if a := advice[errno]; a != "" {
			return fmt.Errorf("%w; %s", reason(err), a)
		}
	}
	return reason(err)
}

// inputError returns an error of the input as a text for the user, io.EOF as it is.
func inputError(err error) error {
	var cut *ingest.TruncatedError
	switch {
	case errors.As(err, &cut) && cut.Want == 0: // a JPEG, which does not say
		return fmt.Errorf("the input ends inside frame %d: got %d bytes of it; the %s before it came out whole", cut.Frame+1, cut.Got, count(cut.Frame, "frame"))
	case cut != nil:
		return fmt.Errorf("the input ends inside frame %d: got %d bytes of it, want %d; the %s before it came out whole (if the geometry of raw frames was given, check --format and --size)",
			cut.Frame+1, cut.Got, cut.Want, count(cut.Frame, "frame"))
	}
	return err
}
