package ingest

import (
	"fmt"
	"io"
)

// TruncatedError is a stream that ended inside a frame. It unwraps to io.ErrUnexpectedEOF.
type TruncatedError struct {
	Frame     int // frames read whole before
	Got, Want int // bytes of the frame that was cut; Want is 0 for a JPEG, which does not say
}

func (e *TruncatedError) Error() string {
	if e.Want == 0 {
		return fmt.Sprintf("ingest: stream ends inside a JPEG, after %d whole ones: got %d bytes, want its end (FF D9)", e.Frame, e.Got)
	}
	return fmt.Sprintf("ingest: stream ends inside a frame, after %d whole ones: got %d bytes, want %d", e.Frame, e.Got, e.Want)
}

// Unwrap returns io.ErrUnexpectedEOF.
func (e *TruncatedError) Unwrap() error { return io.ErrUnexpectedEOF }

// FormatError is a stream that is malformed, or of a kind that is not supported.
type FormatError struct {
	Stream string // "Y4M" or "multipart"
	Field  string // of Y4M, the letter of the header's parameter ("W", "C") or "frame"; "header", "boundary"
	Reason string // "got 422, want ..."
}

func (e *FormatError) Error() string { return "ingest: " + e.Stream + " " + e.Field + ": " + e.Reason }

// y4mErrorf returns the error of a Y4M stream.
func y4mErrorf(field, format string, args ...any) *FormatError {
	return &FormatError{Stream: "Y4M", Field: field, Reason: fmt.Sprintf(format, args...)}
}

// multipartErrorf returns the error of a multipart stream.
func multipartErrorf(field, format string, args ...any) *FormatError {
	return &FormatError{Stream: "multipart", Field: field, Reason: fmt.Sprintf(format, args...)}
}

// JPEGError is about bytes that are not a JPEG by T.81, or a JPEG of a kind that browsers do not show.
type JPEGError struct {
	Index  int    // JPEGs read whole before
	Offset int    // of the byte that was wrong, in the JPEG
	Reason string // "got 12 bits a sample, want 8"
	Final  bool   // whether no JPEG can be read after it, since nothing marks where the next one begins
}

func (e *JPEGError) Error() string {
	return fmt.Sprintf("ingest: JPEG after %d whole ones, byte %d: %s", e.Index, e.Offset, e.Reason)
}

// LimitError is a stream that declares more than Limits allow.
type LimitError struct {
	Limit    string // the limit's name: "pixels" or "bytes"
	Got, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("ingest: limit of %s per frame: got %d, want <= %d", e.Limit, e.Got, e.Max)
}
