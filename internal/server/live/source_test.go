package live

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// TestTestSource: frames come at their rate, and are drawn for viewers alone.
func TestTestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) {
			c.Streams = config.Streams{"scene": {Source: "testsrc:64x32@25?seed=3", Quality: 50}}
		})
		time.Sleep(2*time.Second + 10*time.Millisecond)
		i := r.info("scene")
		if i.State != stream.Online || i.Arrived != 51 || i.Dropped[stream.Unseen] != 51 || i.Format != "bgr24 64x32" || i.Source != "testsrc:64x32@25?seed=3" {
			t.Errorf("got %+v after 2 s, want 51 frames unseen, online, and what comes in", i)
		}
		if gets := leases(r.engine.Pool); gets != 0 {
			t.Errorf("got %d leases for frames that nobody sees, want none", gets)
		}
		v := r.view("scene")
		came := time.Now()
		for range 25 {
			if s := r.next(v); s.Offline || s.Width != 64 || s.Height != 32 {
				t.Fatalf("got %+v, want an image of 64x32", s.Image)
			}
		}
		if took := time.Since(came); took < 960*time.Millisecond || took > time.Second {
			t.Errorf("got 25 images in %v, want them in a second", took)
		}
	})
}

// leases returns how many leases have begun.
func leases(p *pool.Pool) (n uint64) {
	for _, c := range p.Stats().Classes {
		n += c.Gets
	}
	return n
}

// TestTestSourceThatIsTooLarge: it is refused as a publisher would be, and the log says so.
func TestTestSourceThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) {
			c.Limits.MemoryBudget, c.Limits.MemoryFloor = config.MiB, 0
			c.Streams = config.Streams{"scene": {Source: "testsrc:1280x720"}}
		})
		time.Sleep(time.Second)
		if i := r.info("scene"); !strings.Contains(i.Format, "limits.memory_budget") {
			t.Errorf("got format %q, want it to name the limit", i.Format)
		}
	})
}

// TestTestSourceThatTakesLong: a scene is painted before its stream is online, and the end of the server does not wait
// for it.
func TestTestSourceThatTakesLong(t *testing.T) {
	r := start(t, func(c *config.Config) {
		c.Streams = config.Streams{"scene": {Source: "testsrc:3840x2160"}} // several seconds of painting
	})
	until(t, "the scene to be painted", func() bool { return r.engine.Pool.Stats().Admitted > 0 })
	r.stop()
	if log := r.log.String(); strings.Contains(log, "source online") {
		t.Errorf("got a source that lives before its first frame:\n%s", log)
	}
}

// TestKeepUp: a lost source waits longer and longer before it is started again, and only new reasons are warnings.
func TestKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		out, err := r.Hub.Publish("cam", stream.PublisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		s := &source{live: r.Live, name: "cam", out: out, log: slog.New(slog.NewTextHandler(r.log, nil))}
		ctx, cancel := context.WithCancel(context.Background())
		start := time.Now()
		var began []time.Duration
		s.keepUp(ctx, func(context.Context) error {
			began = append(began, time.Since(start))
			switch len(began) {
			case 8: // It is online for a while.
				time.Sleep(16 * time.Second)
				s.lived = true
				return errors.New("unplugged")
			case 10:
				cancel()
			}
			return errors.New("unplugged")
		})
		var waits []time.Duration
		for i := 1; i < len(began); i++ {
			waits = append(waits, began[i]-began[i-1])
		}
		const ms = time.Millisecond
		want := []time.Duration{500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 15000 * ms, 15000 * ms, 16000 * ms, 500 * ms}
		if !slices.Equal(waits, want) {
			t.Errorf("got waits %v, want %v", waits, want)
		}
		if n := strings.Count(r.log.String(), "unplugged"); n != 2 {
			t.Errorf("got %d lines of log, want 2: for the first loss, and the one after it lived", n)
		}
		families, err := r.engine.Metrics.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "steadyframe_source_losses_total" && f.Metric[0].GetCounter().GetValue() != 9 {
				t.Errorf("%s: got %v, want 9", f.GetName(), f.Metric[0].GetCounter().GetValue())
			}
		}
		if i := r.info("cam"); i.Format != "lost: unplugged; again in 500ms" && i.Format != "lost: unplugged; again in 1s" {
			t.Errorf("got format %q, want it to say why, and when again", i.Format)
		}
	})
}

// TestSourceThatIsBrieflyOnline: in between the stream is lost, however regular its returns are.
func TestSourceThatIsBrieflyOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		out, err := r.Hub.Publish("cam", stream.PublisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		s := &source{live: r.Live, name: "cam", out: out, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(context.Background())
		lives := 0
		s.keepUp(ctx, func(context.Context) error {
			if i := r.info("cam"); lives > 2 && i.State != stream.Offline { // By then it waits for longer than offline_after.
				t.Errorf("before life %d: got %v, format %q, want offline", lives+1, i.State, i.Format)
			}
			if lives++; lives == 10 {
				cancel()
			}
			out.Arrived()
			return errors.New("one frame")
		})
	})
}

func TestStamp(t *testing.T) {
	r := start(t, nil)
	d := small
	d.Format, d.Width, d.Height = 1, 320, 90 // bgr24
	f := r.frame(d, 0)
	defer f.Release()
	before := slices.Clone(f.Plane(0).Pix)
	now := time.Date(2026, 1, 2, 3, 4, 5, 670_000_000, time.UTC)
	newStamp(d.Width, d.Height).draw(&f, now, 42)
	first := slices.Clone(f.Plane(0).Pix)
	if slices.Equal(first, before) {
		t.Error("got a frame without a stamp")
	}
	newStamp(d.Width, d.Height).draw(&f, now, 43)
	if slices.Equal(f.Plane(0).Pix, first) {
		t.Error("got the same stamp for another frame")
	}
	if row := len(before) / d.Height; !slices.Equal(f.Plane(0).Pix[40*row:], before[40*row:]) {
		t.Error("got a stamp beyond its corner")
	}
	d.Width = 100
	narrow := r.frame(d, 0)
	defer narrow.Release()
	before = slices.Clone(narrow.Plane(0).Pix)
	newStamp(d.Width, d.Height).draw(&narrow, now, 42)
	if !slices.Equal(narrow.Plane(0).Pix, before) {
		t.Error("got part of a stamp in a frame that has no room for it")
	}
}
