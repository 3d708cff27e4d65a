// Package web is the HTTP face of the server: POST /v1/encode takes raw frames or Y4M and answers with pictures, as
// they come.
package web

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Handler serves the HTTP face of an engine.
type Handler struct {
	engine *engine.Engine
	log    *slog.Logger
	taken  takenOvers
}

// NewHandler returns the HTTP face of e.
func NewHandler(e *engine.Engine, log *slog.Logger) *Handler { return &Handler{engine: e, log: log} }

// Wait waits for the answers that net/http's Shutdown does not know of, those on connections taken from it. Those that
// are left when ctx ends it cuts.
func (h *Handler) Wait(ctx context.Context) { h.taken.wait(ctx) }

// index is what GET / shows.
const index = `Steadyframe: raw frames in, JPEGs out.

POST /v1/encode?format=bgr24&size=640x360   raw frames, tightly packed: one picture back, or multipart/mixed
POST /v1/encode                             Y4M
     resize=320x320 mode=stretch|fit|fill filter=bilinear|area|nearest background=%23rrggbb crop=WxH+X+Y
     quality=1..100 subsampling=420|422|444|gray restart=none|row|N
     output=jpeg|rgba|rgb24|bgr24|yuv420p range=full|limited color=bt601|bt709
     Accept: video/x-motion-jpeg             JPEGs one after the other, while frames still come in

curl --data-binary @frame.bgr 'http://HOST/v1/encode?format=bgr24&size=640x360&quality=80' -o frame.jpg
`

// ServeHTTP is part of http.Handler.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w := &writer{ResponseWriter: rw}
	err := h.serve(w, r)
	if err == nil {
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "request served", slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.String("peer", r.RemoteAddr), slog.Duration("took", time.Since(start)))
		w.end(true)
		return
	}
	f := fault.From(err)
	h.engine.Metrics.Rejected(f.Kind)
	h.logFault(r, f)
	_ = h.setWriteDeadline(w) // If it fails, so does the answer.
	if !w.wrote {
		writeFault(w, f)
		w.end(true)
		return
	}
	// The answer has begun and cannot be completed. For a caller that reads trailers it ends with one that says why;
	// for others it breaks off, since they would take a proper end for success.
	proper := w.Header().Get("Trailer") != "" && f.Kind != fault.Canceled
	if proper {
		w.Header().Set(trailerError, f.Kind.String()+": "+strings.Join(strings.Fields(f.Error()), " "))
	}
	w.end(proper)
}

// writer is the answer to one request.
type writer struct {
	http.ResponseWriter
	wrote bool       // whether anything of it was written
	taken *takenOver // the ResponseWriter, when that is one
	done  func()     // when taken
}

// Write is part of http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// end ends the answer, properly or by breaking the connection off.
func (w *writer) end(proper bool) {
	switch {
	case w.taken != nil:
		defer w.done()
		if proper {
			w.taken.finish()
		} else {
			w.taken.breakOff()
		}
	case !proper:
		panic(http.ErrAbortHandler)
	}
}

// takeOver makes w the writer of a connection of its own, and returns what reads the request's body from there.
func (h *Handler) takeOver(w *writer, r *http.Request) (io.Reader, error) {
	t, in, err := takeOver(w.ResponseWriter, r)
	if err != nil {
		return nil, err
	}
	h.taken.add(t)
	w.ResponseWriter, w.taken, w.done = t, t, func() { h.taken.remove(t) }
	return in, nil
}

// setWriteDeadline gives what is written next its time.
func (h *Handler) setWriteDeadline(w http.ResponseWriter) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Duration(h.engine.Config.Timeout.Send)))
}

// serve serves a request, or returns why not. It turns a panic into an error.
func (h *Handler) serve(w *writer, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &fault.Error{Kind: fault.Internal, Reason: "the server failed"}
			h.log.Error("panic in a request", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	// What an earlier request of the connection left is of no concern to this one.
	if err := h.setWriteDeadline(w); err != nil {
		return err
	}
	if !h.authorized(r) {
		return &fault.Error{Kind: fault.Unauthorized, Reason: "the request bears no valid token: want Authorization: Bearer TOKEN"}
	}
	switch r.URL.Path {
	case "/":
		return only(w, r, http.MethodGet, func(w *writer, _ *http.Request) error {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, err := io.WriteString(w, index)
			return err
		})
	case "/v1/encode":
		return only(w, r, http.MethodPost, h.encode)
	}
	writeProblem(w, problem{Type: "urn:steadyframe:problem:not_found", Title: "There is nothing here", Status: http.StatusNotFound,
		Detail: "got path " + r.URL.Path + ", want / or /v1/encode"})
	return nil
}

// only serves r with f when it has that method (GET stands for HEAD too).
func only(w *writer, r *http.Request, method string, f func(*writer, *http.Request) error) error {
	if r.Method == method || method == http.MethodGet && r.Method == http.MethodHead {
		return f(w, r)
	}
	w.Header().Set("Allow", method)
	writeProblem(w, problem{Type: "urn:steadyframe:problem:method", Title: "The method is not known here", Status: http.StatusMethodNotAllowed,
		Detail: "got " + r.Method + " " + r.URL.Path + ", want " + method})
	return nil
}

// authorized reports whether r bears the token, when there is one, in a time that tells nothing about it but its
// length.
func (h *Handler) authorized(r *http.Request) bool {
	token := h.engine.Config.Auth.Token
	if token == "" {
		return true
	}
	scheme, got, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1
}

// logFault writes one line about a request that failed: a caller that went away is none of ours to warn about.
func (h *Handler) logFault(r *http.Request, f *fault.Error) {
	level := slog.LevelWarn
	switch f.Kind {
	case fault.Internal:
		level = slog.LevelError
	case fault.Canceled, fault.Draining:
		level = slog.LevelDebug
	}
	h.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request failed", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("peer", r.RemoteAddr), slog.String("kind", f.Kind.String()), slog.String("reason", f.Error()))
}
