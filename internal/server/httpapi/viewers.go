package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// viewers serves the viewers of a Hub.
type viewers struct {
	engine *engine.Engine
	hub    *stream.Hub
	pages  *auth.Origins
	log    *slog.Logger
	logged fault.Throttle
	conns  conn.Set
}

// newViewers returns the viewers of the streams of h, with the settings and metrics of e, until e drains.
func newViewers(e *engine.Engine, h *stream.Hub, log *slog.Logger) *viewers {
	return &viewers{engine: e, hub: h, pages: auth.NewOrigins(e.Config.HTTP.CORSOrigins), log: log}
}

// wait waits for viewers on hijacked connections, which net/http's Shutdown does not know of. They end between two
// images once the engine is draining; one that reads nothing has conn.DrainPatience at most. wait cuts those that are
// left when ctx ends. It is for one goroutine at a time.
func (h *viewers) wait(ctx context.Context) { h.conns.Wait(ctx) }

// first returns the default stream of the caller: the first by name that is online, else the first, else "".
func (h *viewers) first(r *http.Request) string {
	infos := auth.From(r.Context()).Infos(h.hub)
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

// unsentBytes bounds what the kernel queues of a viewer's images beyond what is in flight. Without a bound it queues
// megabytes, and a slow viewer sees images that are as old as those. It is less than an image and more than a segment.
const unsentBytes = 16 << 10

// hijack hijacks the connection of a request from net/http. The caller closes it with release.
func (h *viewers) hijack(w http.ResponseWriter) (*conn.Hijacked, error) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	hijacked := conn.NewHijacked(c, rw.Reader, h.stall(), h.engine.Draining())
	hijacked.LimitUnsent(unsentBytes)
	h.conns.Add(hijacked)
	return hijacked, nil
}

// release closes the connection.
func (h *viewers) release(c *conn.Hijacked) {
	_ = c.Close() // All was written, or cannot be.
	h.conns.Remove(c)
}

// stall is how long a viewer may read nothing.
func (h *viewers) stall() time.Duration { return time.Duration(h.engine.Config.Live.Stall) }

// view makes the caller of r a viewer of a stream, or returns a *fault.Error.
func (h *viewers) view(r *http.Request, name string, o stream.ViewerOptions) (*stream.Viewer, error) {
	if h.engine.IsDraining() {
		return nil, fault.From(stream.ErrClosed)
	}
	o.Peer = r.RemoteAddr
	v, err := auth.From(r.Context()).View(h.hub, name, o)
	if err != nil {
		return nil, refusal(err, r.Host)
	}
	return v, nil
}

// info returns a stream's state and counters, or a *fault.Error if it does not exist.
func (h *viewers) info(r *http.Request, name string) (stream.Info, error) {
	info, err := auth.From(r.Context()).Info(h.hub, name)
	if err != nil {
		return info, refusal(err, r.Host)
	}
	return info, nil
}

// ended logs that a viewer has disconnected; name is empty for a viewer of several streams, and why nil for a proper end.
func (h *viewers) ended(r *http.Request, transport, name string, since time.Time, why error) {
	live.EndedViewer{Transport: transport, Identity: auth.From(r.Context()), Peer: r.RemoteAddr, Since: since, Stream: name, Why: why}.Log(h.engine, h.log, &h.logged)
}
