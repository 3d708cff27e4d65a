package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/steadyframe/steadyframe/client"
)

// response is the images of an HTTP response, in memory that the next one uses again.
type response struct {
	images []client.Image // slices of memory
	memory []byte
	ends   []int // of the images, in memory
}

// Bounds of a response: beyond what any server sends, so that one that sends for ever is found.
const (
	maxResponseBytes  = 1 << 30
	maxResponseImages = 1 << 16
)

// malformedError is a response that is not of the form it should be.
type malformedError struct{ reason string }

func (e *malformedError) Error() string { return e.reason }

func malformedf(format string, args ...any) error {
	return &malformedError{fmt.Sprintf(format, args...)}
}

// read reads the response to a batch: one image, or a multipart of them. The error is a *malformedError, or the
// connection's.
func (a *response) read(r *http.Response) error {
	a.memory, a.ends = a.memory[:0], a.ends[:0]
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "image/jpeg":
		err = a.add(r.Body)
	case err == nil && kind == "multipart/mixed" && parameters["boundary"] != "":
		err = a.parts(r.Body, parameters["boundary"])
	default:
		return malformedf("got Content-Type %q, want image/jpeg or multipart/mixed", r.Header.Get("Content-Type"))
	}
	if err != nil {
		return err
	}
	a.images = a.images[:0]
	start := 0
	for _, end := range a.ends {
		a.images = append(a.images, client.Image{Data: a.memory[start:end]})
		start = end
	}
	return nil
}

// parts reads a multipart body to its end, so that trailers and the next response can follow.
func (a *response) parts(body io.Reader, boundary string) error {
	follow := &following{r: body}
	parts := multipart.NewReader(follow, boundary)
	for {
		part, err := parts.NextRawPart()
		switch {
		case err == io.EOF:
			if _, err := io.Copy(io.Discard, io.LimitReader(body, 4<<10)); err != nil {
				return err
			}
			return nil
		case err != nil:
			return follow.blame(err)
		case len(a.ends) == maxResponseImages:
			return malformedf("got more than %d images", maxResponseImages)
		}
		if err := a.add(part); err != nil {
			return follow.blame(err)
		}
	}
}

// add reads an image.
func (a *response) add(r io.Reader) error {
	for {
		if len(a.memory) == cap(a.memory) {
			if len(a.memory) >= maxResponseBytes {
				return malformedf("got more than %d bytes", maxResponseBytes)
			}
			a.memory = append(a.memory, 0)[:len(a.memory)] // more room
		}
		n, err := r.Read(a.memory[len(a.memory):cap(a.memory)])
		a.memory = a.memory[:len(a.memory)+n]
		if err == io.EOF {
			a.ends = append(a.ends, len(a.memory))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// following remembers how reading has failed.
type following struct {
	r   io.Reader
	err error
}

// Read is part of io.Reader.
func (f *following) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// blame returns why a multipart could not be read: the connection's error, or that of its form.
func (f *following) blame(err error) error {
	var malformed *malformedError
	switch {
	case f.err != nil:
		return f.err
	case errors.As(err, &malformed):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return malformedf("the response ends inside a part")
	}
	return malformedf("%v", err)
}

// refusal returns the error of a response that has no images.
func refusal(r *http.Response) *Error {
	text, _ := io.ReadAll(io.LimitReader(r.Body, 8<<10)) // what came is what can be said
	var problem struct{ Type, Detail string }
	e := &Error{Kind: fmt.Sprint(r.StatusCode), Reason: strings.Join(strings.Fields(string(text)), " ")}
	if json.Unmarshal(text, &problem) == nil && problem.Detail != "" {
		e.Reason = problem.Detail
		e.Kind += " " + problem.Type[strings.LastIndexByte(problem.Type, ':')+1:]
	}
	if strings.HasSuffix(e.Reason, " HTTP request to an HTTPS server.") { // net/http's words
		e.Reason = "the server speaks HTTPS: use an https:// URL"
	}
	if len(e.Reason) > 300 {
		e.Reason = e.Reason[:300]
	}
	busy := r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable
	if e.RetryAfter = retryAfter(r.Header); busy && e.RetryAfter > 0 {
		e.Class, e.Kind = Rejected, ""
	}
	return e
}
