package live

import (
	"context"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// Sound is the sound of a stream, with the memory for what the stream keeps of it.
type Sound struct {
	*stream.SoundPublisher
	grant pool.Grant
}

// Sound makes the caller the publisher of a stream's sound, until Close. It waits at most timeouts.queue for memory. The error is a
// *fault.Error: Invalid for the name or the format, Forbidden, Busy for want of memory or of room for one more stream, Draining.
func (l *Live) Sound(ctx context.Context, name string, f stream.SoundFormat) (*Sound, error) {
	if err := stream.CheckName(name); err != nil {
		return nil, fault.From(err)
	}
	id := auth.From(ctx)
	if err := id.May(config.Publish, name); err != nil {
		return nil, err
	}
	if err := f.Check(); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "rate", Err: err}
	}
	if l.engine.IsDraining() {
		return nil, fault.From(stream.ErrClosed)
	}
	n := stream.SoundBytes(f)
	grant, err := l.engine.Admit(ctx, int64(pool.ClassSize(n)), nil)
	if err != nil {
		return nil, err
	}
	ring, err := l.engine.Pool.Get(n)
	if err != nil {
		grant.Release()
		return nil, fault.From(err)
	}
	p, err := l.Hub.PublishSoundAs(id.Owner(), name, f, ring)
	if err != nil {
		grant.Release()
		return nil, fault.From(err)
	}
	return &Sound{p, grant}, nil
}

// Close ends the sound. It is called once.
func (s *Sound) Close() {
	s.SoundPublisher.Close()
	s.grant.Release()
}

// Pace waits until more sound may be published, or stop or done is closed.
func (s *Sound) Pace(ctx context.Context, stop <-chan struct{}) {
	wait := s.Ahead()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-stop:
	case <-s.Done():
	}
}
