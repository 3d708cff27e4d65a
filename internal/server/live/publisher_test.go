package live

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// gate lets a test stop the encoder where it gets memory for an image.
type gate struct {
	reached chan struct{} // receives when a Get waits
	open    chan struct{}
}

// check returns a Check with which Gets wait at the gate, but for those of small frames.
func (g gate) check() *pool.Check {
	return &pool.Check{Leaks: pool.LeaksOff, Fault: func(n int) error {
		if n != smallBytes {
			g.reached <- struct{}{}
			<-g.open
		}
		return nil
	}}
}

// TestNewestWins: of frames that come while one is encoded the newest is encoded next, and the others are released.
func TestNewestWins(t *testing.T) {
	g := gate{make(chan struct{}), make(chan struct{})}
	r := startChecked(t, online, g.check())
	p := r.publish("cam", Settings{})
	v := r.view("cam")
	r.put(p, 0)
	<-g.reached
	for n := 1; n < 10; n++ {
		r.put(p, n)
	}
	if got := r.engine.Pool.Stats().InUse; got > 3*int64(pool.MinSize) {
		t.Errorf("got %d bytes leased with 10 frames in, want no more than those of 3", got)
	}
	g.open <- struct{}{}
	first := r.next(v)
	<-g.reached
	g.open <- struct{}{}
	if second := r.next(v); first.index != 0 || second.index != 9 {
		t.Errorf("got images of frames %d and %d, want 0 and 9", first.index, second.index)
	}
	r.counts(p, 10, 2, 8)
	if d := r.info("cam").Dropped; d[stream.Newer] != 8 {
		t.Errorf("got drops %v, want 8 for newer ones", d)
	}
}

// TestFirstImageIsImmediate: nothing is encoded while nobody watches, and a new viewer sees the newest frame.
func TestFirstImageIsImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{FPS: 5})
		for n := range 10 {
			r.put(p, n)
			time.Sleep(40 * time.Millisecond)
		}
		if ok, failed := r.engine.Metrics.Frames(); ok != 0 || failed != 0 {
			t.Errorf("got %d frames encoded, %d failed, with no viewer, want none", ok, failed)
		}
		came := time.Now()
		v := r.view("cam")
		if s := r.next(v); s.index != 9 || time.Since(came) != 0 {
			t.Errorf("got frame %d after %v, want frame 9 at once", s.index, time.Since(came))
		}
		v.Close()

		r.put(p, 10) // It makes the image old.
		synctest.Wait()
		if n := r.info("cam").ImageBytes; n != 0 {
			t.Errorf("got an image of %d bytes kept after a newer frame, want none", n)
		}
		r.counts(p, 11, 1, 10)
		if d := r.info("cam").Dropped; d[stream.Unseen] != 10 {
			t.Errorf("got drops %v, want 10 unseen", d)
		}
	})
}

func TestEncodeUnwatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) { c.Live.EncodeUnwatched = true })
		p := r.publish("cam", Settings{})
		for n := range 5 {
			r.put(p, n)
			synctest.Wait()
		}
		r.counts(p, 5, 5, 0)
	})
}

// TestStaleFramesAreNotShown: a frame that was kept for a viewer is not shown to one that comes when the source is
// lost.
func TestStaleFramesAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{})
		r.put(p, 7)
		time.Sleep(5 * time.Second)
		v := r.view("cam")
		if s := r.next(v); !s.Offline {
			t.Errorf("got an image of frame %d, want that of a lost source", s.index)
		}
		time.Sleep(time.Second)
		if s := r.info("cam").State; s != stream.Offline {
			t.Errorf("got state %v, want offline", s)
		}
		r.put(p, 8)
		if s := r.next(v); s.Offline || s.index != 8 {
			t.Errorf("got frame %d, want frame 8", s.index)
		}
		r.counts(p, 2, 1, 1)
	})
}

func TestClosePublishesTheLastFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{FPS: 1})
		v := r.view("cam")
		r.put(p, 0)
		synctest.Wait()
		r.put(p, 1) // It would have to wait for a second.
		r.next(v)
		p.Close()
		if s := r.next(v); s.index != 1 {
			t.Errorf("got frame %d after Close, want frame 1", s.index)
		}
		r.counts(p, 2, 2, 0)
		if err := p.Frame(r.frame(small, 2), time.Now()); kindOf(err) != fault.Draining {
			t.Errorf("got %v from a closed Publisher, want an error", err)
		}
	})
}

func TestPublisherIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		old := r.publish("cam", Settings{Source: "old"})
		v := r.view("cam")
		r.put(old, 1)
		if s := r.next(v); s.Width != 64 || s.index != 1 {
			t.Errorf("got frame %d of width %d, want 1 of 64", s.index, s.Width)
		}
		large := frame.Desc{Format: frame.BGR24, Width: 128, Height: 96}
		p := r.publish("cam", Settings{Source: "new", Spec: pipeline.Spec{Input: large}})
		<-old.Done()
		if err := old.Frame(r.frame(small, 2), time.Now()); kindOf(err) != fault.Conflict || !errors.Is(err, stream.ErrReplaced) {
			t.Errorf("got %v from the replaced Publisher, want a Conflict", err)
		}
		if err := p.Frame(r.frame(large, 3), time.Now()); err != nil {
			t.Fatal(err)
		}
		if s := r.next(v); s.index != 3 || s.Width != 128 || s.Height != 96 {
			t.Errorf("got frame %d of %dx%d, want the viewer to stay and see 3 of 128x96", s.index, s.Width, s.Height)
		}
		if i := r.info("cam"); i.Source != "new" || i.Format != "bgr24 128x96" {
			t.Errorf("got source %q, format %q, want those of the new one", i.Source, i.Format)
		}
		r.counts(old, 1, 1, 0)
	})
}

// TestBadFramesDoNotEndTheStream: a frame that fails, or that a stage panics at, or for which there is no memory, is
// counted.
func TestBadFramesDoNotEndTheStream(t *testing.T) {
	var fail func(int) error
	r := startChecked(t, online, &pool.Check{Leaks: pool.LeaksOff, Fault: func(n int) error {
		if n != smallBytes && fail != nil { // an image
			return fail(n)
		}
		return nil
	}})
	p := r.publish("cam", Settings{})
	v := r.view("cam")
	step := func(f frame.Frame, fault func(int) error) {
		t.Helper()
		fail = fault
		_, made, dropped := p.Counts()
		if err := p.Frame(f, time.Now()); err != nil {
			t.Fatal(err)
		}
		until(t, "the frame", func() bool { _, a, b := p.Counts(); return a+b > made+dropped })
	}
	step(r.frame(frame.Desc{Format: frame.Gray8, Width: 64, Height: 40}, 0), nil)
	step(frame.Frame{}, nil)
	step(r.frame(small, 1), pooltest.PanicAt(1))
	step(r.frame(small, 2), pooltest.FailAt(1))
	step(r.frame(small, 3), nil)
	if s := r.next(v); s.index != 3 {
		t.Errorf("got frame %d, want frame 3", s.index)
	}
	r.counts(p, 5, 1, 4)
	if d := r.info("cam").Dropped; d[stream.Failed] != 3 || d[stream.NoMemory] != 1 {
		t.Errorf("got drops %v, want 3 failed and 1 without memory", d)
	}
}

func TestPublishRefuses(t *testing.T) {
	r := start(t, func(c *config.Config) {
		c.Live.MaxStreams = 2
		c.Streams = config.Streams{"own": {Source: "testsrc:64x32@1"}}
	})
	input := pipeline.Spec{Input: small}
	with := func(change func(*pipeline.Spec)) pipeline.Spec {
		s := input
		change(&s)
		return s
	}
	one := r.publish("one", Settings{})
	tests := []struct {
		name, stream string
		settings     Settings
		want         fault.Kind
	}{
		{"name", "../etc", Settings{Spec: input}, fault.Invalid},
		{"no-input", "cam", Settings{}, fault.Invalid},
		{"spec", "cam", Settings{Spec: with(func(s *pipeline.Spec) { s.Output.Quality = 101 })}, fault.Invalid},
		{"jpeg-spec", "cam", Settings{JPEG: true, Spec: pipeline.Spec{Output: pipeline.Output{Quality: 101}}}, fault.Invalid},
		{"raw-output", "cam", Settings{Spec: with(func(s *pipeline.Spec) { s.Output.Format = pipeline.RawRGBA })}, fault.Invalid},
		{"fps", "cam", Settings{Spec: input, FPS: -1}, fault.Invalid},
		{"fps-nan", "cam", Settings{Spec: input, FPS: math.NaN()}, fault.Invalid},
		{"fps-inf", "cam", Settings{Spec: input, FPS: math.Inf(1)}, fault.Invalid},
		{"pixels", "cam", Settings{Spec: with(func(s *pipeline.Spec) { s.Input.Width, s.Input.Height = 60000, 1000 })}, fault.TooLarge},
		{"own-source", "own", Settings{Spec: input}, fault.Conflict},
		{"streams", "cam", Settings{Spec: input}, fault.Busy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := r.Publish(context.Background(), tt.stream, tt.settings)
			if err == nil {
				p.Close()
			}
			if fault.From(err) == nil || kindOf(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Publish(ctx, "one", Settings{Spec: input}); kindOf(err) != fault.Canceled {
		t.Errorf("got %v with a context that has ended, want Canceled", err)
	}
	one.Close()
	r.stop()
	if _, err := r.Publish(context.Background(), "one", Settings{Spec: input}); kindOf(err) != fault.Draining {
		t.Errorf("got %v after Run, want Draining", err)
	}
}

// TestTheEndOfRunEndsPublishers: publishers are told, and no image is made any more.
func TestTheEndOfRunEndsPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{})
		v := r.view("cam")
		r.put(p, 1)
		r.next(v)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			r.stop()
		}()
		<-p.Done()
		p.Close()
		<-stopped
		if err := p.Frame(frame.Frame{}, time.Now()); kindOf(err) != fault.Draining {
			t.Errorf("got %v, want Draining", err)
		}
	})
}

// TestSettingsFillWhatPublishersLeaveOpen: a stream's settings hold where its publisher says nothing.
func TestSettingsFillWhatPublishersLeaveOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) {
			c.Streams = config.Streams{"cam": {Resize: config.ImageSize{Width: 32}, FPS: 2}}
		})
		p := r.publish("cam", Settings{})
		v := r.view("cam")
		r.put(p, 0)
		if s := r.next(v); s.Width != 32 || s.Height != 16 {
			t.Errorf("got %dx%d, want the configured 32x16", s.Width, s.Height)
		}
		r.put(p, 1)
		synctest.Wait()
		r.none(v) // It waits for the configured half second.
		p = r.publish("cam", Settings{Spec: pipeline.Spec{Input: small, Resize: pipeline.Resize{Width: 48, Height: 24}}, FPS: 50})
		r.put(p, 0)
		if s := r.next(v); s.Width != 48 || s.Height != 24 {
			t.Errorf("got %dx%d, want the publisher's 48x24", s.Width, s.Height)
		}
	})
}

// TestConfiguredColors: the range and color space in a stream's settings are those of its frames, where these do not
// say.
func TestConfiguredColors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(c *config.Config) {
			c.Streams = config.Streams{"cam": {Range: frame.RangeFull, Color: config.ColorSpace{Value: frame.BT709, Set: true}}}
		})
		d := frame.Desc{Format: frame.I420, Width: 64, Height: 32}
		p := r.publish("cam", Settings{Spec: pipeline.Spec{Input: d}})
		v := r.view("cam")
		f := r.frame(d, 0)
		for i := range f.Plane(0).Pix {
			f.Plane(0).Pix[i] = 16
		}
		if err := p.Frame(f, time.Now()); err != nil {
			t.Fatal(err)
		}
		if mean, _ := luma(r.decode(r.next(v).data)); mean != 16 {
			t.Errorf("got luma %d, want 16, which is black in the limited range alone", mean)
		}
		limited := d
		limited.Range = frame.RangeLimited
		if err := p.Frame(r.frame(limited, 1), time.Now()); err != nil {
			t.Fatal(err)
		}
		r.counts(p, 2, 1, 1) // A frame that says otherwise is another than the Spec's.
	})
}

// TestLostFrames are counted, and the one before them has its turn.
func TestLostFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{})
		r.put(p, 1)
		for _, reason := range []stream.DropReason{stream.Failed, stream.NoMemory} {
			if err := p.Lost(reason); err != nil {
				t.Fatal(err)
			}
		}
		v := r.view("cam")
		if s := r.next(v); s.index != 1 {
			t.Errorf("got frame %d, want 1", s.index)
		}
		r.counts(p, 3, 1, 2)
		if i := r.info("cam"); i.Arrived != 3 || i.Dropped[stream.Failed] != 1 || i.Dropped[stream.NoMemory] != 1 {
			t.Errorf("got %d frames, drops %v, want 3, one failed and one without memory", i.Arrived, i.Dropped)
		}
	})
}

// TestFramesAllocateNothing: from a frame in the pool to its image at a viewer.
func TestFramesAllocateNothing(t *testing.T) {
	r := start(t, nil)
	d := frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}
	p := r.publish("cam", Settings{Spec: pipeline.Spec{Input: d, Resize: pipeline.Resize{Width: 320, Height: 180}}})
	v := r.view("cam")
	pixels := [2]frame.Frame{r.frame(d, 1), r.frame(d, 2)}
	defer pixels[0].Release()
	defer pixels[1].Release()
	ctx := context.Background()
	n := 0
	noAllocations(t, func() {
		n++
		f, err := frame.New(r.engine.Pool, d)
		if err != nil {
			t.Fatal(err)
		}
		copy(f.Plane(0).Pix, pixels[n&1].Plane(0).Pix)
		if err := p.Frame(f, time.Now()); err != nil {
			t.Fatal(err)
		}
		for {
			pic, err := v.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			v.Delivered(&pic)
			repeat := pic.Repeat
			pic.Release()
			if !repeat {
				return
			}
		}
	})
}

// TestReuseLive: segments of a live stream that are as in the frame before are reused, and their memory comes back.
func TestReuseLive(t *testing.T) {
	r := start(t, online)
	spec := pipeline.Spec{Input: small, Output: pipeline.Output{Restart: pipeline.RestartRow, Reuse: pipeline.ReuseSegments}}
	p := r.publish("cam", Settings{Spec: spec})
	v := r.view("cam")
	for n := range 4 {
		f := r.frame(small, 1)
		for i := range f.Row(0, 0) {
			f.Row(0, 0)[i] = byte(50 * n)
		}
		if err := p.Frame(f, time.Now()); err != nil {
			t.Fatal(err)
		}
		r.next(v)
	}
	p.Close()
	if reused, all := p.encoder.past.Counts(); reused != 2 || all != 3*2 {
		t.Errorf("got %d of %d segments reused, want the lower one in the last 2 of 3 images that could", reused, all)
	}
}
