package auth

import (
	"context"
	"log/slog"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// record logs who did what. It is for what is rare enough: a frame, a snapshot or a list is logged with its request alone.
type record struct {
	log       *slog.Logger
	throttled fault.Throttle
}

// Did logs that the client did so, or that it was refused because of err, with at most five lines a second for each action. name is
// the stream or scene, if it is about one, and peer the client's address.
func (i *Identity) Did(a config.Action, name, peer string, err error) {
	if i == nil || i.record == nil {
		return
	}
	cause, level := &fault.Error{Limit: string(a)}, slog.LevelInfo
	if f := fault.From(err); f != nil {
		cause.Kind, level = f.Kind, slog.LevelWarn
	}
	suppressed, ok := i.record.throttled.Admit(cause)
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.String("identity", fault.Cut(i.name)), slog.String("action", string(a)), slog.String("name", fault.Cut(name)),
		slog.String("peer", peer), slog.Bool("allowed", err == nil)}
	if err != nil {
		attrs = append(attrs, slog.String("reason", fault.Cut(err.Error())))
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	i.record.log.LogAttrs(context.Background(), level, "access", attrs...)
}
