// Package httpapi is the HTTP API of the server: POST /v1/encode takes raw frames or Y4M and responds with images, as they
// come; POST /v1/streams/{name} feeds a live stream; MJPEG, snapshots, a WebSocket for any number of streams and lists
// show it; and / is the page.
//
// MJPEG over HTTP/1 and WebSockets run on connections hijacked from net/http: what they write of an image is its head, of
// their own memory, and the image itself, which all viewers share, gathered into one system call. Nothing is allocated
// for it and nothing is copied.
package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/console"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
)

// Handler serves the HTTP API of an engine and its live streams.
type Handler struct {
	engine *engine.Engine
	live   *live.Live
	auth   *auth.Checker
	hosts  *auth.Hosts
	pages  *auth.Origins
	watch  *viewers
	page   http.Handler
	log    *slog.Logger
	logged fault.Throttle
	said   fault.Repeated[*document]
	mux    *http.ServeMux

	nodes   Cluster // of which this server is a node; zero: none
	history history
	load    loadReport
}

// NewHandler returns the HTTP API of e and l, for those whom who allows it.
func NewHandler(e *engine.Engine, l *live.Live, who *auth.Checker, log *slog.Logger) *Handler {
	c := e.Config
	h := &Handler{engine: e, live: l, auth: who, hosts: auth.NewHosts(c.HTTP.Hosts, c.HTTP.Listen), pages: auth.NewOrigins(c.HTTP.CORSOrigins),
		watch: newViewers(e, l.Hub, log), page: console.Handler(frameAncestors(c.HTTP.FrameAncestors)), log: log}
	h.mux = h.routes()
	return h
}

// Join makes the server a node of a cluster, before it serves.
func (h *Handler) Join(c Cluster) { h.nodes = c }

// Wait waits for viewers on hijacked connections, which net/http's Shutdown does not know of. When ctx ends it closes
// those that are left.
func (h *Handler) Wait(ctx context.Context) { h.watch.wait(ctx) }

// ServeHTTP is part of http.Handler.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w := &writer{ResponseWriter: rw}
	if r.ProtoMajor != 1 {
		w.late = h.setWriteDeadline
	}
	setSecurityHeaders(w.Header(), r, h.pages)
	err := h.serve(w, r)
	if err != nil || w.body == nil { // What has a body and is served took turns.
		h.engine.Pace(r.Context(), time.Since(start))
	}
	w.boundRest(r)
	// The rest of the response has a deadline of its own: the body may have lasted for hours.
	_ = h.setWriteDeadline(w) // If it fails, so does the response.
	if err == nil {
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "request served", slog.String("method", fault.Cut(r.Method)), slog.String("path", fault.Cut(r.URL.Path)),
			slog.String("identity", fault.Cut(w.id.String())), slog.String("peer", r.RemoteAddr), slog.Duration("took", time.Since(start)))
		w.linger(r)
		return
	}
	f := fault.From(err)
	h.engine.Metrics.Rejected(f.Kind)
	h.logFault(r, w.id, f)
	if !w.wrote {
		if f.Kind == fault.Unauthorized {
			setChallenge(w.Header(), r)
		}
		h.said.Of(f, documentOf).write(w)
		w.linger(r)
		return
	}
	// The response has begun and cannot be completed. For a caller that reads trailers it ends with one that says why; for
	// others the connection is cut, since they would read a proper end as success.
	proper := w.Header().Get("Trailer") != "" && f.Kind != fault.Canceled
	if proper {
		w.Header().Set(trailerError, f.Kind.String()+": "+strings.Join(strings.Fields(f.Error()), " "))
	}
	if !proper {
		panic(http.ErrAbortHandler)
	}
}

// writer is the response to one request.
type writer struct {
	http.ResponseWriter
	err   error          // why the request was not served
	body  *body          // the request's, once it is read
	id    *auth.Identity // the caller's, once it is known
	wrote bool           // whether anything of it was written, if only the head

	// late sets the deadline of the first write; nil: there is one. Over HTTP/2 net/http keeps it also while nothing is written, as while
	// a body comes in that lasts for hours.
	late func(http.ResponseWriter) error
}

// Write is part of http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.wrote = true
	if late := w.late; late != nil {
		w.late = nil
		if err := late(w.ResponseWriter); err != nil {
			return 0, err
		}
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController: what is flushed first is the head.
func (w *writer) FlushError() error {
	w.wrote = true
	if f, ok := w.ResponseWriter.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// lingerTime is how long a caller may go on sending after its response.
const lingerTime = 500 * time.Millisecond

// hasRest reports whether some of the request's body may still come.
func (w *writer) hasRest(r *http.Request) bool {
	return r.ContentLength != 0 && (w.body == nil || !w.body.ended.Load())
}

// boundRest bounds how long net/http waits for the rest of the request's body, which it reads before it responds. A connection
// whose body was stopped serves no further request: a stop that met the end of the body may have canceled them.
func (w *writer) boundRest(r *http.Request) {
	switch {
	case !w.hasRest(r):
	case w.body == nil || !w.body.stopped.Load():
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTime)) // If it fails, so does the response.
	}
	if r.ProtoMajor == 1 && w.body != nil && w.body.stopped.Load() && !w.wrote {
		w.Header().Set("Connection", "close")
	}
}

// linger reads what a caller with a response still sends, for as long as boundRest allows. net/http does not wait when the caller asked
// for the end of the connection: what came in after that would reset it, and the caller would not get the response.
func (w *writer) linger(r *http.Request) {
	if r.ProtoMajor != 1 || !r.Close || !w.hasRest(r) || r.Header.Get("Expect") != "" { // who expects to be asked for a body sends none
		return
	}
	if w.body != nil && w.body.stopped.Load() {
		return
	}
	if http.NewResponseController(w).Flush() == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// setWriteDeadline sets the deadline of the next write.
func (h *Handler) setWriteDeadline(w http.ResponseWriter) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Duration(h.engine.Config.Timeout.Send)))
}

// serve serves a request, or returns why it could not. It turns a panic into an error.
func (h *Handler) serve(w *writer, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &fault.Error{Kind: fault.Internal, Reason: "the server failed"}
			h.log.Error("panic in a request", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	// An earlier request of the connection may have left a deadline.
	if w.late == nil {
		if err := h.setWriteDeadline(w); err != nil {
			return err
		}
	}
	if err := h.hosts.Check(r); err != nil {
		return err
	}
	return h.dispatch(w, r)
}

// logFault logs a request that failed, rate-limited per cause. A caller that disconnected is not worth a warning.
func (h *Handler) logFault(r *http.Request, id *auth.Identity, f *fault.Error) {
	suppressed, ok := h.logged.Admit(f)
	if !ok {
		return
	}
	log := h.log
	if suppressed > 0 {
		log = log.With("suppressed", suppressed)
	}
	log.LogAttrs(context.WithoutCancel(r.Context()), f.Kind.Level(), "request failed", slog.String("method", fault.Cut(r.Method)), slog.String("path", fault.Cut(r.URL.Path)),
		slog.String("identity", fault.Cut(id.String())), slog.String("peer", r.RemoteAddr), slog.String("kind", f.Kind.String()), slog.String("reason", fault.Cut(f.Error())))
}
