package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/bench/load"
	"github.com/steadyframe/steadyframe/internal/synth"
)

// Load pushes an animated scene to a server, over one gRPC stream, in batches at a steady rate: an open loop, as package
// load has it.
type Load struct {
	Target        string // of the server: host:port or unix:/path
	Token         string // what the server wants, if anything
	Width, Height int    // of the frames, bgr24
	OutWidth      int    // of the pictures
	OutHeight     int
	Quality       int
	Batch         int // frames
	FPS           float64
	Batches       int                // to send; 0: any number
	For           time.Duration      // no batch is due later than this after the first; 0: until ctx ends
	Sink          Sink               // gets the pictures; may be nil. Run does not close it
	Second        func(LoadProgress) // called once a second; may be nil
}

// batchSets is how many batches of frames exist: one is rendered while another is on its way.
const batchSets = 2

// answerTime is how long an answer may take. A machine that is slow is no reason to give up early.
const answerTime = time.Minute

// Run pushes until Batches are answered, For is over, ctx ends, or something fails. The LoadSummary is about what was
// answered up to then. The end of ctx is no error: batches on their way are still answered.
func (l *Load) Run(ctx context.Context) (LoadSummary, error) {
	scenes, err := l.newScenes()
	if err != nil {
		return LoadSummary{}, err
	}
	meter := newLoadMeter(time.Duration(float64(l.Batch)/l.FPS*float64(time.Second)), l.Second)
	defer meter.close()
	generator, err := load.New(ctx, load.Options{
		Target: dialable(l.Target), Via: load.GRPC, Token: l.Token,
		Width: l.Width, Height: l.Height, OutWidth: l.OutWidth, OutHeight: l.OutHeight, Quality: l.Quality,
		Rate: l.FPS, Batch: l.Batch, Requests: l.Batches, Duration: l.For, Outstanding: batchSets, Timeout: answerTime,
		Source: scenes, Answered: l.answered(meter),
	})
	if err != nil {
		return LoadSummary{}, &UsageError{err}
	}
	result, err := generator.Run(ctx)
	if err == nil && len(result.Findings) > 0 {
		err = fmt.Errorf("wrong answer: %s", result.Findings[0].Example)
	}
	return meter.summary(), err
}

// answered returns what takes the answers: it counts them, and puts their pictures into the Sink. A batch without an
// answer ends the load.
func (l *Load) answered(meter *loadMeter) func(*load.Answer) error {
	pictures := 0
	return func(a *load.Answer) error {
		if a.Err != nil {
			return a.Err
		}
		failed := 0
		for i := range a.Pictures {
			p := &a.Pictures[i]
			switch {
			case p.Err != nil:
				failed++
			case l.Sink != nil:
				pictures++
				if err := l.Sink.Write(pictures, p.Data); err != nil {
					return err
				}
			}
		}
		meter.answered(len(a.Pictures), failed, a.Latency)
		return nil
	}
}

// scenes is the load.Source of an animated scene: each batch goes on where the one before has ended. It is for one
// connection, whose answers come in order.
type scenes struct {
	scene *synth.Scene
	free  chan *batchSet
	sent  chan *batchSet // oldest first
}

// batchSet is the frames of one batch.
type batchSet struct {
	frames []frame.Frame
	bytes  [][]byte // theirs
}

func (l *Load) newScenes() (*scenes, error) {
	s := &scenes{free: make(chan *batchSet, batchSets), sent: make(chan *batchSet, batchSets)}
	for range batchSets {
		set, err := l.newSet()
		if err != nil {
			return nil, err
		}
		s.free <- set
	}
	s.scene = synth.New(l.Width, l.Height, 1)
	return s, nil
}

func (l *Load) newSet() (*batchSet, error) {
	d := frame.Desc{Format: frame.BGR24, Width: l.Width, Height: l.Height}
	size, err := d.Size()
	if err != nil {
		return nil, err
	}
	if err := checkBatch(l.Batch, size); err != nil {
		return nil, err
	}
	s := &batchSet{}
	memory := make([]byte, l.Batch*size)
	for range l.Batch {
		f, err := frame.WrapBytes(d, memory[:size:size])
		if err != nil {
			return nil, err
		}
		s.frames, s.bytes = append(s.frames, f), append(s.bytes, memory[:size:size])
		memory = memory[size:]
	}
	return s, nil
}

// Batch is part of load.Source. It renders the batch while another may be on its way.
func (s *scenes) Batch(ctx context.Context, n int) ([][]byte, error) {
	var set *batchSet
	select {
	case set = <-s.free:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for i := range set.frames {
		s.scene.Render(&set.frames[i], n*len(set.frames)+i)
	}
	s.sent <- set
	return set.bytes, nil
}

// Done is part of load.Source.
func (s *scenes) Done(int) { s.free <- <-s.sent }
