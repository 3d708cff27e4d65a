package ingest

import (
	"fmt"
	"io"
)

// TruncatedError is a stream that ended inside a frame. It unwraps to io.ErrUnexpectedEOF.
type TruncatedError struct {
	Frame     int // frames read whole before
	Got, Want int // bytes of the frame that was cut
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("ingest: stream ends inside a frame, after %d whole ones: got %d bytes, want %d", e.Frame, e.Got, e.Want)
}

// Unwrap returns io.ErrUnexpectedEOF.
func (e *TruncatedError) Unwrap() error { return io.ErrUnexpectedEOF }

// FormatError is a Y4M stream that is malformed, or that holds what cannot be read here.
type FormatError struct {
	Field  string // "W", "C" and so on: the letter of the header's parameter; "header", "frame"
	Reason string // "got 422, want ..."
}

func (e *FormatError) Error() string { return "ingest: Y4M " + e.Field + ": " + e.Reason }

func formatErrorf(field, format string, args ...any) *FormatError {
	return &FormatError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// LimitError is a stream that declares more than Limits allow.
type LimitError struct {
	Limit    string // the limit's name: "pixels"
	Got, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("ingest: limit of %s per frame: got %d, want <= %d", e.Limit, e.Got, e.Max)
}
