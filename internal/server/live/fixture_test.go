package live

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) {
	leaktest.Main(m)
}

// running is a Live under test.
type running struct {
	*Live
	t    testing.TB
	log  *logtest.Buffer
	stop func() // ends Run, and looks for what was left
}

// start runs the live streams of a server with what change changes of the defaults. When the test ends nothing may be
// leased or admitted any more.
func start(t testing.TB, change func(*config.Config)) *running { return startChecked(t, change, nil) }

// online is for tests whose sources are silent on a busy machine alone: they are not lost.
func online(c *config.Config) { c.Live.OfflineAfter = config.Duration(time.Hour) }

// startChecked is start with a checked pool.
func startChecked(t testing.TB, change func(*config.Config), check *pool.Check) *running {
	t.Helper()
	c := config.Default()
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logtest.Buffer{}}
	e := engine.New(c, metrics.New(), check)
	var err error
	if r.Live, err = New(e, slog.New(slog.NewTextHandler(r.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		e.Close()
		until(t, "publishers to give their memory back", func() bool { return pooltest.Leaks(e.Pool.Stats()) == "" })
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// small is the geometry of most frames here: large enough for synth.Index.
var small = frame.Desc{Format: frame.Gray8, Width: 64, Height: 32}

const smallBytes = 64 * 32

// publish returns a Publisher of frames of d, which ends with the test.
func (r *running) publish(name string, s Settings) *Publisher {
	r.t.Helper()
	if s.Spec.Input.Format == 0 && !s.JPEG {
		s.Spec.Input = small
	}
	p, err := r.Publish(context.Background(), name, s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(p.Close)
	return p
}

// view returns a viewer, which ends with the test.
func (r *running) view(name string) *stream.Viewer {
	r.t.Helper()
	v, err := r.Hub.View(name, stream.ViewerOptions{Transport: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(v.Close)
	return v
}

// frame returns a frame of d that carries n.
func (r *running) frame(d frame.Desc, n int) frame.Frame {
	r.t.Helper()
	f, err := frame.New(r.engine.Pool, d)
	if err != nil {
		r.t.Fatal(err)
	}
	synth.Fill(&f, synth.Index(d.Width, d.Height, n))
	return f
}

// put hands frame n to p.
func (r *running) put(p *Publisher, n int) {
	r.t.Helper()
	if err := p.Frame(r.frame(small, n), time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// jpeg hands data to p.
func (r *running) jpeg(p *Publisher, data []byte) {
	r.t.Helper()
	b, err := r.engine.Pool.Get(len(data))
	if err != nil {
		r.t.Fatal(err)
	}
	copy(b.Bytes(), data)
	if err := p.JPEG(b, time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// seen is an image as a viewer saw it.
type seen struct {
	stream.Image        // without its Buf
	index        int    // of its frame; -1 when it carries none
	data         []byte // the JPEG
}

// next returns the next image of v that is no repeat.
func (r *running) next(v *stream.Viewer) seen {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		p, err := v.Next(ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		v.Delivered(&p)
		data := bytes.Clone(p.Buf.Bytes())
		p.Release()
		if p.Repeat {
			continue
		}
		s := seen{Image: p, data: data, index: -1}
		if n, err := synth.ReadIndex(r.decode(data)); err == nil {
			s.index = n
		}
		return s
	}
}

// none fails the test when v is due an image now.
func (r *running) none(v *stream.Viewer) {
	r.t.Helper()
	p, ok, _, err := v.Poll()
	if err != nil || ok {
		r.t.Fatalf("got image %d, %v, %v, want none", p.Seq, ok, err)
	}
}

func (r *running) decode(data []byte) image.Image {
	r.t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return img
}

// info returns what is known of a stream.
func (r *running) info(name string) stream.Info {
	r.t.Helper()
	info, ok := r.Hub.Info(name)
	if !ok {
		r.t.Fatalf("no stream %s", name)
	}
	return info
}

// counts checks the counts of p's frames, after its Close.
func (r *running) counts(p *Publisher, arrived, published, dropped uint64) {
	r.t.Helper()
	p.Close()
	if a, b, c := p.Counts(); a != arrived || b != published || c != dropped {
		r.t.Errorf("got %d frames, %d images, %d dropped, want %d, %d, %d", a, b, c, arrived, published, dropped)
	}
}

// noAllocations checks that f allocates nothing in steady state: once every goroutine has waited a while, as often as
// it will, and the Hub has looked at its streams.
func noAllocations(t *testing.T, f func()) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
		f()
	}
	alloctest.Waiting(t, 200, f)
}

// until waits for what a test expects to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}

// kindOf returns the kind of fault that err is.
func kindOf(err error) fault.Kind { return fault.From(err).Kind }

// resized is a Spec with images of that size.
func resized(width, height int) pipeline.Spec {
	return pipeline.Spec{Resize: pipeline.Resize{Width: width, Height: height}}
}
