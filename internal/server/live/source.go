package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
)

// How long a lost source waits before it is started again: the time doubles from the first to the longest. A source
// that was online for longer than the longest is started again at once, and its times begin anew.
const (
	firstRetry   = 500 * time.Millisecond
	longestRetry = 15 * time.Second
)

// source is a configured source of a stream. It is the stream's publisher for as long as the server runs, also while it
// is lost.
type source struct {
	live     *Live
	name     string
	settings config.Stream
	shown    string // settings.Source, for display
	out      *stream.Publisher
	log      *slog.Logger
	lived    bool      // it has been online since it was lost last
	changed  time.Time // when a change of geometry was logged last
}

// runSource feeds a stream from its configured source until ctx ends.
func (l *Live) runSource(ctx context.Context, name string, settings config.Stream) {
	s := &source{live: l, name: name, settings: settings, shown: redact.URL(settings.Source)}
	s.log = l.log.With("stream", name, "source", s.shown)
	out, err := l.Hub.Publish(name, stream.PublisherOptions{Source: s.shown, Fixed: true, Epoch: time.Now().UnixMicro()})
	if err != nil {
		s.log.Error("no source for the stream", "err", err)
		return
	}
	defer out.Close()
	s.out = out
	if test, ok, err := config.ParseTestSource(settings.Source); ok && err == nil {
		s.keepUp(ctx, func(ctx context.Context) error { return s.test(ctx, test) })
	} else if from, ok, err := config.ParseRemoteSource(settings.Source); ok && err == nil {
		s.keepUp(ctx, func(ctx context.Context) error { return s.remote(ctx, from) })
	} else if camera.IsURL(settings.Source) {
		s.keepUp(ctx, s.camera)
	} else {
		s.keepUp(ctx, s.video)
	}
}

// keepUp calls run again and again until ctx ends. The stream shows why run ended in place of its format; a new reason
// is logged as a warning.
func (s *source) keepUp(ctx context.Context, run func(context.Context) error) {
	said := ""
	for wait := firstRetry; ; wait = min(max(2*wait, firstRetry), longestRetry) {
		began := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longestRetry {
			wait = 0
		}
		level := slog.LevelDebug
		if why := err.Error(); why != said || s.lived {
			said, level = why, slog.LevelWarn
		}
		s.lived = false
		s.live.engine.Metrics.SourceLost()
		s.out.Interrupted()
		s.log.Log(ctx, level, "source lost", "err", err, "again_in", wait.String())
		s.out.Lost(plain.Text(err.Error()), wait)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// publish returns a Publisher of frames of that geometry, with the stream's settings; the caller closes it. Once it has
// its memory it calls ready, if not nil, which prepares what else the source needs.
func (s *source) publish(ctx context.Context, input frame.Desc, ready func() error) (*Publisher, error) {
	p, err := s.live.prepare(ctx, s.name, Settings{Spec: pipeline.Spec{Input: input}})
	if err != nil {
		return nil, err
	}
	p.lent = true
	if ready != nil {
		err = ready()
	}
	if err == nil {
		err = p.start(s.out)
	}
	if err != nil {
		p.encoder.close()
		return nil, err
	}
	s.out.Describe(p.encoder.format())
	s.logOnline(ctx, p.encoder.format())
	return p, nil
}

// logOnline logs that the source is online, or that its frames have another format from now on.
func (s *source) logOnline(ctx context.Context, format string) {
	if !s.lived {
		s.lived = true
		s.log.Info("source online", "format", format)
		return
	}
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(s.changed) >= changeLogInterval {
		level, s.changed = slog.LevelInfo, now
	}
	s.log.Log(ctx, level, "source changed format", "format", format)
}
