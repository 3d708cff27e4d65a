package live

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/internal/stream"
)

const (
	// settling is how much of a video is looked at before its sound begins: ffmpeg may read the beginning of a file faster than it
	// plays, and the frames of a camera come unevenly.
	settling = time.Second
	// soundPiece is how much sound is published at a time.
	soundPiece = 20 * time.Millisecond
	// followed is how long at least the frame that came soonest counts, and twice that at most: the clocks of cameras drift.
	followed = 10 * time.Second
)

// soundtrack publishes the sound of a video beside its frames: a sample has the time at which a frame of its time stamp comes.
type soundtrack struct {
	source *source
	in     io.Reader // WAV, whose first sample has the time stamp 0
	ended  chan struct{}
	ready  chan struct{} // closed when start is settled

	mu      sync.Mutex
	soonest [2]time.Time  // when the time stamp 0 would have come, as the frame says that came soonest since, and before
	since   time.Time     // zero: no frame has come
	first   time.Duration // the time stamp of the first frame
	settled bool
}

// soundtrack begins to publish the sound of r, and returns nil where that has none. It ends with ctx, or r.
func (s *source) soundtrack(ctx context.Context, r *ffmpeg.Reader) *soundtrack {
	in := r.Sound()
	if in == nil {
		return nil
	}
	t := &soundtrack{source: s, in: in, ended: make(chan struct{}), ready: make(chan struct{})}
	go func() {
		defer close(t.ended)
		if err := t.publish(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("source has no sound any more", "err", err)
		}
	}()
	return t
}

// follow is called with the time stamp of each frame that comes.
func (t *soundtrack) follow(pts time.Duration, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	start := now.Add(-pts)
	switch {
	case t.since.IsZero():
		t.soonest, t.since, t.first = [2]time.Time{start, start}, now, pts
	case now.Sub(t.since) > followed:
		t.soonest, t.since = [2]time.Time{start, t.soonest[0]}, now
	case start.Before(t.soonest[0]):
		t.soonest[0] = start
	}
	if !t.settled && pts-t.first >= settling {
		t.settled = true
		close(t.ready)
	}
}

// timeOf returns when a frame with the time stamp of that sample would come.
func (t *soundtrack) timeOf(moment int64, rate int) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	start := t.soonest[0]
	if t.soonest[1].Before(start) {
		start = t.soonest[1]
	}
	return start.Add(time.Duration(moment/int64(rate))*time.Second + time.Duration(moment%int64(rate))*time.Second/time.Duration(rate))
}

// wait waits for the end. The caller has ended the context, and closed what the sound comes from.
func (t *soundtrack) wait() {
	if t != nil {
		<-t.ended
	}
}

// publish publishes the sound from where the video is by now, until there is no more.
func (t *soundtrack) publish(ctx context.Context) error {
	select {
	case <-t.ready:
	case <-ctx.Done():
		return nil
	}
	f, _, err := sound.ReadHeader(t.in)
	if err != nil {
		return nil // ffmpeg has ended, and the frames say why.
	}
	p, err := t.source.live.Sound(ctx, t.source.name, stream.SoundFormat{Rate: f.Rate, Channels: f.Channels})
	if err != nil {
		return err
	}
	defer p.Close()
	moment := int64(max(time.Since(t.timeOf(0, f.Rate)), 0).Seconds() * float64(f.Rate)) // What is over is skipped.
	if _, err := io.CopyN(io.Discard, t.in, moment*int64(f.MomentBytes())); err != nil {
		return nil
	}
	piece := make([]byte, int(int64(soundPiece)*int64(f.Rate)/int64(time.Second))*f.MomentBytes())
	for {
		n, err := io.ReadFull(t.in, piece)
		if err != nil {
			return nil
		}
		p.Pace(ctx, t.source.live.engine.Draining())
		if err := p.Publish(piece[:n], t.timeOf(moment, f.Rate)); err != nil {
			return err
		}
		moment += int64(n / f.MomentBytes())
	}
}
