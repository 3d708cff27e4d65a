package live

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pool"
)

// test feeds the stream with an animated scene until ctx ends. While nobody watches, frames are counted and not drawn.
func (s *source) test(ctx context.Context, t config.TestSource) error {
	desc := frame.Desc{Format: frame.BGR24, Width: t.Width, Height: t.Height}
	var scene *synth.Scene
	p, err := s.publish(ctx, desc, func() (err error) {
		scene, err = synth.NewContext(ctx, t.Width, t.Height, t.Seed) // seconds, for a large one
		return err
	})
	if err != nil {
		return err
	}
	defer p.Close()
	stamp := newStamp(t.Width, t.Height)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-p.Done():
			return p.Err()
		case <-timer.C:
		}
		now := time.Now()
		if p.watched() {
			err = s.show(p, desc, func(f *frame.Frame) {
				scene.Render(f, n)
				stamp.draw(f, now, n)
			})
		} else {
			err = p.unseen()
		}
		if err != nil {
			return err
		}
		now = time.Now()
		n = max(n+1, int(now.Sub(start).Seconds()*t.FPS)) // Frames whose time has passed are left out.
		timer.Reset(start.Add(time.Duration(min(float64(n)/t.FPS*float64(time.Second), math.MaxInt64/2))).Sub(now))
	}
}

// show draws a frame and hands it to p.
func (s *source) show(p *Publisher, d frame.Desc, draw func(*frame.Frame)) error {
	f, err := frame.New(s.live.engine.Pool, d)
	if err != nil {
		if errors.Is(err, pool.ErrBudget) {
			return p.Lost(stream.NoMemory)
		}
		return err
	}
	draw(&f)
	return p.Frame(f, time.Now())
}
