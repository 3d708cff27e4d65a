package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// EndedViewer is a viewer that has disconnected, for the log.
type EndedViewer struct {
	Transport string
	Identity  *auth.Identity
	Peer      string // its address
	Since     time.Time
	Stream    string // empty: several
	Why       error  // nil: a proper end
}

// Log logs it: as a warning, which is counted and rate-limited, only if the server ended it before the viewer or the drain did.
func (v EndedViewer) Log(e *engine.Engine, log *slog.Logger, warnings *fault.Throttle) {
	level := slog.LevelDebug
	attrs := []slog.Attr{slog.String("transport", v.Transport), slog.String("identity", fault.Cut(v.Identity.String())), slog.String("peer", v.Peer),
		slog.Duration("watched", time.Since(v.Since).Round(time.Millisecond))}
	if v.Stream != "" {
		attrs = append(attrs, slog.String("stream", v.Stream))
	}
	if f := fault.From(v.Why); f != nil {
		if f.Kind == fault.Slow && e.IsDraining() {
			f = fault.From(stream.ErrClosed) // It had conn.DrainPatience, not live.stall.
		}
		attrs = append(attrs, slog.String("kind", f.Kind.String()), slog.String("reason", fault.Cut(f.Error())))
		if f.Kind != fault.Canceled && f.Kind != fault.Draining {
			level = slog.LevelWarn
			e.Metrics.Rejected(f.Kind)
			suppressed, ok := warnings.Admit(f)
			if !ok {
				return
			}
			if suppressed > 0 {
				attrs = append(attrs, slog.Int("suppressed", suppressed))
			}
		}
	}
	log.LogAttrs(context.Background(), level, "viewer disconnected", attrs...)
}
