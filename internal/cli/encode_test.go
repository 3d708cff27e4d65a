package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ffmpeg"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// rgbSpec copies frames of 8x4 pixels: every byte of an image is the first of its frame.
var rgbSpec = pipeline.Spec{
	Input:  frame.Desc{Format: frame.RGB24, Width: 8, Height: 4},
	Output: pipeline.Output{Format: pipeline.RawRGB24},
}

// numbered is a Source of frames whose bytes are their number, from 1 on. After the last it returns err.
type numbered struct {
	pool   *pool.Pool
	frames int
	err    error
	before func(n int) // called before frame n is given; may be nil
	n      int
}

func (s *numbered) Desc() frame.Desc { return rgbSpec.Input }

func (s *numbered) Next() (frame.Frame, error) {
	if s.before != nil {
		s.before(s.n + 1)
	}
	if s.n == s.frames {
		return frame.Frame{}, s.err
	}
	s.n++
	f, err := frame.New(s.pool, rgbSpec.Input)
	if err == nil {
		pix := f.Plane(0).Pix
		for i := range pix {
			pix[i] = byte(s.n)
		}
	}
	return f, err
}

// kept is a Sink that checks that images come in order and are those of numbered.
type kept struct {
	t      *testing.T
	n      int
	failAt int // the image that can not be written; 0: none
	times  []time.Time
}

var errFull = errors.New("disk is full")

func (s *kept) Write(n int, image []byte) error {
	if n == s.failAt {
		return errFull
	}
	s.n++
	if n != s.n || len(image) == 0 || image[0] != byte(n) {
		s.t.Errorf("image %d: got number %d, first byte %d", s.n, n, image[0])
	}
	s.times = append(s.times, time.Now())
	return nil
}

func (s *kept) Close(bool) error { return nil }

func newJob(t *testing.T, src *numbered, sink Sink) *Job {
	src.pool = pooltest.New(t, nil)
	if src.err == nil {
		src.err = io.EOF
	}
	return &Job{Source: &Source{Reader: src}, Spec: rgbSpec, Sink: sink, Pool: src.pool}
}

func TestRunWritesAllInOrder(t *testing.T) {
	for _, frames := range []int{1, 2, 24, 25, 26, 77} {
		for _, batch := range []int{0, 1, 3, 25} {
			for _, workers := range []int{1, 4} {
				t.Run(fmt.Sprintf("frames=%d/batch=%d/workers=%d", frames, batch, workers), func(t *testing.T) {
					sink := &kept{t: t}
					job := newJob(t, &numbered{frames: frames}, sink)
					job.Batch, job.Workers = batch, workers
					progress := 0
					job.Progress = func(n int) { progress += n }
					s, err := job.Run(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if sink.n != frames || s.Frames != frames || progress != frames {
						t.Errorf("images: got %d, %d in the summary, %d shown; want %d", sink.n, s.Frames, progress, frames)
					}
					if s.Bytes != int64(frames*8*4*3) || s.Workers != workers {
						t.Errorf("got %d bytes from %d workers", s.Bytes, s.Workers)
					}
				})
			}
		}
	}
}

func TestRunStopsAtFrames(t *testing.T) {
	sink := &kept{t: t}
	job := newJob(t, &numbered{frames: 1 << 30}, sink)
	job.Frames = 30
	if _, err := job.Run(t.Context()); err != nil || sink.n != 30 {
		t.Errorf("got %d images, %v; want 30", sink.n, err)
	}
}

// What was read whole before an input fails is written.
func TestRunInputFails(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"truncated", &ingest.TruncatedError{Frame: 27, Got: 5, Want: 96}, "the input ends inside frame 28: got 5 bytes of it, want 96; the 27 frames before it came out whole"},
		{"child", &ffmpeg.Error{Exit: errors.New("exit status 1"), Cause: "the connection broke"}, "the connection broke"},
		{"other", io.ErrClosedPipe, io.ErrClosedPipe.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sink := &kept{t: t}
			s, err := newJob(t, &numbered{frames: 27, err: tt.err}, sink).Run(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error: got %v, want %q", err, tt.want)
			}
			if sink.n != 27 || s.Frames != 27 {
				t.Errorf("images: got %d, %d in the summary, want 27", sink.n, s.Frames)
			}
		})
	}
}

func TestRunSinkFails(t *testing.T) {
	for _, failAt := range []int{1, 40, 75} {
		sink := &kept{t: t, failAt: failAt}
		src := &numbered{frames: 1 << 30}
		s, err := newJob(t, src, sink).Run(t.Context())
		if !errors.Is(err, errFull) || sink.n != failAt-1 || s.Frames != failAt-1 {
			t.Errorf("write %d fails: got %d images, %d in the summary, %v", failAt, sink.n, s.Frames, err)
		}
		if read := src.n; read > failAt+4*autoBatchFrames {
			t.Errorf("write %d fails: read on, to frame %d", failAt, read)
		}
	}
}

func TestRunBadSpec(t *testing.T) {
	job := newJob(t, &numbered{frames: 1}, &kept{t: t})
	job.Spec.Resize.Width = -1
	var spec *pipeline.SpecError
	if _, err := job.Run(t.Context()); !errors.As(err, &spec) {
		t.Errorf("got %v, want a *pipeline.SpecError", err)
	}
}

// An interrupt ends a run whose input is silent, and what came before it is written.
func TestRunInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		silent, release := make(chan struct{}), make(chan struct{})
		sink := &kept{t: t}
		src := &numbered{frames: 50, before: func(n int) {
			if n == 50 {
				close(silent)
				<-release
			}
		}}
		job := newJob(t, src, sink)
		job.Batch = 7
		go func() {
			<-silent
			synctest.Wait() // until all else that can happen has happened
			cancel(ErrInterrupted)
		}()
		s, err := job.Run(ctx)
		if !errors.Is(err, ErrInterrupted) {
			t.Errorf("error: got %v, want ErrInterrupted", err)
		}
		if want := 49; sink.n != want || s.Frames != want {
			t.Errorf("images: got %d, %d in the summary, want those of the %d whole batches", sink.n, s.Frames, want/7)
		}
		src.frames = 49 // the reader that is left behind must not take a frame that nobody releases
		close(release)
	})
}

func TestRunPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &kept{t: t}
		job := newJob(t, &numbered{frames: 101}, sink)
		job.FPS = 50
		start := time.Now()
		s, err := job.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*time.Second || s.Seconds != 2 {
			t.Errorf("101 frames at 50 a second: took %v, %v s in the summary, want 2 s", took, s.Seconds)
		}
		// The batch was left to the run: no frame waits much longer than autoBatchWait for others.
		for i, at := range sink.times {
			due := start.Add(time.Duration(i) * 20 * time.Millisecond)
			if late := at.Sub(due); late > autoBatchWait+20*time.Millisecond {
				t.Errorf("image %d: %v after its frame", i+1, late)
			}
		}
	})
}

// A batch that was asked for is filled, however slow the input.
func TestRunFillsBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &kept{t: t}
		job := newJob(t, &numbered{frames: 50}, sink)
		job.FPS, job.Batch = 50, 25
		start := time.Now()
		if _, err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if first, want := sink.times[0].Sub(start), 480*time.Millisecond; first != want {
			t.Errorf("first image: got %v, want it with frame 25, after %v", first, want)
		}
	})
}

func TestRunAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations are not counted under the race detector: sync.Pool drops one Put in four")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	p := pooltest.New(t, nil)
	size, _ := rgbSpec.Input.Size()
	const frames = 600
	// What a run allocates for each frame it allocates every time; what a goroutine of an earlier test allocates beside it, it does not.
	least := math.Inf(1)
	for range 5 {
		raw, err := ingest.NewRaw(io.LimitReader(zeros{}, int64(frames*size)), rgbSpec.Input, p)
		if err != nil {
			t.Fatal(err)
		}
		sink, err := openFolder(t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		job := Job{Source: &Source{Reader: raw}, Spec: rgbSpec, Sink: sink, Pool: p, Workers: 2}
		s, err := job.Run(t.Context())
		sink.Close(true)
		if err != nil || s.Frames != frames {
			t.Fatalf("got %d frames, %v", s.Frames, err)
		}
		if least = min(least, *s.AllocsPerFrame); least <= 0.1 { // a run of the collector, or a pool that grows by a buffer, is not of each frame
			return
		}
	}
	t.Errorf("got %v allocations a frame, want 0", least)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAutoBatch(t *testing.T) {
	tests := []struct{ frameBytes, workers, want int }{
		{640 * 360 * 3, 2, 25},
		{1920 * 1080 * 3, 2, 10},
		{3840 * 2160 * 3, 2, 2},
		{3840 * 2160 * 3, 8, 8},
		{60 << 20, 1, 1},
		{100, 64, 64},
	}
	for _, tt := range tests {
		if got := autoBatch(tt.frameBytes, tt.workers); got != tt.want {
			t.Errorf("autoBatch(%d, %d): got %d, want %d", tt.frameBytes, tt.workers, got, tt.want)
		}
	}
}
