// Package watch is how live streams are watched over HTTP: MJPEG, snapshots, one WebSocket for any number of streams,
// and the list of streams.
//
// MJPEG over HTTP/1 and WebSockets run on connections taken from net/http: what they write of a picture is its head, of
// their own memory, and the picture itself, which all viewers share, gathered into one system call. Nothing is allocated
// for it and nothing is copied.
package watch

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/taken"
	"github.com/steadyframe/steadyframe/stream"
)

// Handler serves the viewers of a Hub.
type Handler struct {
	engine *engine.Engine
	hub    *stream.Hub
	log    *slog.Logger
	conns  taken.Conns
}

// New returns a Handler for the streams of h. Metrics, settings and the time to stop are those of e.
func New(e *engine.Engine, h *stream.Hub, log *slog.Logger) *Handler {
	return &Handler{engine: e, hub: h, log: log}
}

// Wait waits for the viewers on connections taken from net/http, which its Shutdown knows nothing of. They end between
// two pictures once the engine is draining; one that takes nothing then is not waited for longer than drainPatience.
// Those that are left when ctx ends it cuts. It is for one goroutine at a time.
func (h *Handler) Wait(ctx context.Context) { h.conns.Wait(ctx, glance) }

// First returns the stream that is meant where none is named: the first by name that is online, else the first, else
// "".
func (h *Handler) First() string {
	infos := h.hub.Infos(nil)
	for i := range infos {
		if infos[i].State == stream.Online {
			return infos[i].Name
		}
	}
	if len(infos) > 0 {
		return infos[0].Name
	}
	return ""
}

// stall is how long a viewer may take nothing.
func (h *Handler) stall() time.Duration { return time.Duration(h.engine.Config.Live.Stall) }

// view makes the caller of r a viewer of a stream, or returns the *fault.Error that says why it is none.
func (h *Handler) view(r *http.Request, name string, o stream.ViewerOptions) (*stream.Viewer, error) {
	if h.engine.IsDraining() {
		return nil, fault.From(stream.ErrClosed)
	}
	o.Peer = r.RemoteAddr
	v, err := h.hub.View(name, o)
	if err != nil {
		return nil, refusal(err, r.Host)
	}
	return v, nil
}

// info returns what is known of a stream, or the *fault.Error for one that there is not.
func (h *Handler) info(r *http.Request, name string) (stream.Info, error) {
	info, ok := h.hub.Info(name)
	if ok {
		return info, nil
	}
	missing := &stream.NotFoundError{Name: name}
	for _, i := range h.hub.Infos(nil) {
		missing.Names = append(missing.Names, i.Name)
	}
	return info, refusal(missing, r.Host)
}

// ended writes a line about a viewer that has left: why is nil where it came to a proper end. A viewer that went away,
// or that the server sends away because it stops, is nothing to warn about.
func (h *Handler) ended(r *http.Request, transport, name string, since time.Time, why error) {
	level := slog.LevelDebug
	attrs := []slog.Attr{slog.String("transport", transport), slog.String("peer", r.RemoteAddr), slog.Duration("watched", time.Since(since).Round(time.Millisecond))}
	if name != "" {
		attrs = append(attrs, slog.String("stream", name))
	}
	if f := fault.From(why); f != nil {
		if f.Kind == fault.Slow && h.engine.IsDraining() {
			f = errStopping // It had drainPatience, and not live.stall.
		}
		attrs = append(attrs, slog.String("kind", f.Kind.String()), slog.String("reason", f.Error()))
		if f.Kind != fault.Canceled && f.Kind != fault.Draining {
			level = slog.LevelWarn
			h.engine.Metrics.Rejected(f.Kind)
		}
	}
	h.log.LogAttrs(context.WithoutCancel(r.Context()), level, "viewer left", attrs...)
}
