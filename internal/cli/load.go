package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
)

// Load pushes an animated scene to a server, over one gRPC stream, in batches at a steady rate. The rate does not depend on the answers: each batch
// has a time at which it is due, and its latency counts from then, so that a server that falls behind shows it.
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
	For           time.Duration      // no batch is sent later than this after the first; 0: until ctx ends
	Sink          Sink               // gets the pictures; may be nil. Run does not close it
	Second        func(LoadProgress) // called once a second; may be nil
}

// batchSets is how many batches of frames exist: one is rendered while another is on its way.
const batchSets = 2

// drainTime is how long the last answers may take after the last batch was sent.
const drainTime = 10 * time.Second

// batchSet is the frames of one batch.
type batchSet struct {
	frames []frame.Frame
	bytes  [][]byte // theirs
	id     uint64
	due    time.Time
}

// Run pushes until Batches are answered, For is over, ctx ends, or something fails. The LoadSummary is about what was answered up to then. The end of ctx is no
// error: batches on their way are still answered.
func (l *Load) Run(ctx context.Context) (LoadSummary, error) {
	c, err := client.Dial(dialable(l.Target), client.Options{Token: l.Token})
	if err != nil {
		return LoadSummary{}, err
	}
	defer c.Close()
	streaming, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stream, err := c.Stream(streaming)
	if err != nil {
		return LoadSummary{}, err
	}
	free, sent := make(chan *batchSet, batchSets), make(chan *batchSet, batchSets)
	for range batchSets {
		s, err := l.newSet()
		if err != nil {
			return LoadSummary{}, err
		}
		free <- s
	}
	meter := newLoadMeter(l.interval(), l.Second)
	defer meter.close()
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	sendErr := make(chan error, 1)
	go func() {
		sendErr <- l.send(sending, stream, free, sent)
		select {
		case <-time.After(drainTime):
			cancel()
		case <-streaming.Done():
		}
	}()
	err = l.receive(stream, free, sent, meter)
	stopSending()
	cancel() // also ends a Send that waits for a server that is gone
	if e := <-sendErr; err == nil {
		err = e
	}
	return meter.summary(), err
}

// interval is the time from one batch to the next.
func (l *Load) interval() time.Duration {
	return time.Duration(float64(l.Batch) / l.FPS * float64(time.Second))
}

func (l *Load) spec() *api.Spec {
	return &api.Spec{
		Input:  &api.FrameDesc{Format: api.PixelFormat_PIXEL_FORMAT_BGR24, Width: uint32(l.Width), Height: uint32(l.Height)},
		Resize: &api.Resize{Width: uint32(l.OutWidth), Height: uint32(l.OutHeight)},
		Output: &api.Output{Quality: uint32(l.Quality)},
	}
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

// send renders batches and sends each when it is due. It passes what it sent to sent, in order.
func (l *Load) send(ctx context.Context, stream *client.Stream, free <-chan *batchSet, sent chan<- *batchSet) error {
	scene := synth.New(l.Width, l.Height, 1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	var batch client.Batch
	var due, end time.Time
	for k := 0; l.Batches == 0 || k < l.Batches; k++ {
		if k > 0 && l.For > 0 && (!due.Before(end) || time.Now().After(end)) {
			break
		}
		var s *batchSet
		select {
		case s = <-free:
		case <-ctx.Done():
			return stream.CloseSend()
		}
		for i := range s.frames {
			scene.Render(&s.frames[i], k*l.Batch+i)
		}
		if k == 0 { // the clock starts when the scene was painted
			due = time.Now()
			end = due.Add(l.For)
		}
		s.due, s.id = due, uint64(k)+1
		due = due.Add(l.interval())
		timer.Reset(time.Until(s.due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return stream.CloseSend()
		}
		batch = client.Batch{ID: s.id, Frames: s.bytes}
		if k == 0 {
			batch.Spec = l.spec()
		}
		sent <- s
		if err := stream.Send(&batch); err != nil {
			if errors.Is(err, io.EOF) {
				return nil // Recv says why
			}
			return err
		}
	}
	return stream.CloseSend()
}

// receive takes the answers until the stream ends.
func (l *Load) receive(stream *client.Stream, free chan<- *batchSet, sent <-chan *batchSet, meter *loadMeter) error {
	var answer client.Answer
	pictures := 0
	for {
		err := stream.Recv(&answer)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		s := <-sent
		if answer.ID != s.id || len(answer.Pictures) != len(s.frames) {
			return fmt.Errorf("wrong answer: got batch %d with %d pictures, want batch %d with %d", answer.ID, len(answer.Pictures), s.id, len(s.frames))
		}
		latency := time.Since(s.due)
		failed := 0
		for i := range answer.Pictures {
			p := &answer.Pictures[i]
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
		meter.answered(len(answer.Pictures), failed, latency)
		free <- s
	}
}
