package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Load pushes an animated scene to a server, over one gRPC stream, in batches at a steady rate. It is an open loop: each
// batch has a time at which it is due, and its latency counts from then.
type Load struct {
	Target        string // of the server: host:port or unix:/path
	Token         string // what the server wants, if anything
	Cert          string // the server's certificate (tls.cert); empty: there is no TLS
	Width, Height int    // of the frames, bgr24
	OutWidth      int    // of the images
	OutHeight     int
	Quality       int
	Batch         int // frames
	FPS           float64
	Batches       int                // to send; 0: any number
	For           time.Duration      // all batches are due within this; 0: until ctx ends
	Sink          Sink               // gets the images; may be nil. Run does not close it
	Second        func(LoadProgress) // called once a second; may be nil
}

// batchSets is how many batches of frames exist: one is rendered while another is in flight.
const batchSets = 2

// responseTime is how long a response may take. A machine that is slow is no reason to give up early.
const responseTime = time.Minute

// Run pushes until Batches were encoded, For is over, ctx ends, or something fails. The LoadSummary is about what came back
// until then. The end of ctx is no error: Run waits for batches in flight.
func (l *Load) Run(ctx context.Context) (LoadSummary, error) {
	scenes, err := l.newScenes()
	if err != nil {
		return LoadSummary{}, err
	}
	options := client.Options{Token: l.Token}
	if l.Cert != "" && !strings.HasPrefix(l.Target, "unix:") {
		if options.TLS, err = TrustOwn(l.Cert); err != nil {
			return LoadSummary{}, err
		}
	}
	c, err := client.Dial(dialable(l.Target), &options)
	if err != nil {
		return LoadSummary{}, &UsageError{err}
	}
	defer c.Close()
	calling, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	stream, err := c.EncodeStream(calling)
	if err != nil {
		return LoadSummary{}, err
	}
	meter := newLoadMeter(l.due(1), l.Second)
	defer meter.close()

	sending, stop := context.WithCancel(ctx)
	defer stop()
	received := make(chan error, 1)
	go func() {
		received <- l.receive(stream, scenes, meter, disconnect)
		stop()
	}()
	sendErr := l.send(sending, stream, scenes)
	if sendErr != nil {
		disconnect()
	}
	err = <-received
	if sendErr != nil {
		err = sendErr
	}
	return meter.summary(), err
}

// due returns when batch n is due, counted from batch 0. It is exact however long a load lasts.
func (l *Load) due(n int) time.Duration {
	return time.Duration(float64(n) * float64(l.Batch) / l.FPS * float64(time.Second))
}

// ends reports whether the load ends before batch n.
func (l *Load) ends(n int) bool {
	return l.Batches > 0 && n >= l.Batches || n > 0 && l.For > 0 && l.due(n) >= l.For
}

// send sends each batch when it is due, and closes scenes.sent. An error of the stream is receive's to return.
func (l *Load) send(ctx context.Context, stream *client.EncodeStream, s *scenes) error {
	defer close(s.sent)
	batch := client.Batch{Spec: pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: l.Width, Height: l.Height},
		Resize: pipeline.Resize{Width: l.OutWidth, Height: l.OutHeight},
		Output: pipeline.Output{Quality: l.Quality},
	}}
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	var start time.Time
	for n := 0; !l.ends(n); n++ {
		var set *batchSet
		select {
		case set = <-s.free:
		case <-ctx.Done():
			return stream.CloseSend()
		}
		s.render(set, n)
		if n == 0 {
			start = time.Now() // rendering the first batch is not part of its latency
		}
		set.due = start.Add(l.due(n))
		timer.Reset(time.Until(set.due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return stream.CloseSend()
		}
		batch.ID, batch.Frames = uint64(n)+1, set.bytes
		s.sent <- set
		if err := stream.Send(&batch); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

// receive takes the responses, counts them, and puts their images into the Sink. A batch without a response ends the load.
func (l *Load) receive(stream *client.EncodeStream, s *scenes, meter *loadMeter, disconnect func()) error {
	late := time.AfterFunc(responseTime, disconnect)
	defer late.Stop()
	var response client.Response
	images := 0
	for n := uint64(1); ; n++ {
		set, ok := <-s.sent
		if !ok {
			return nil
		}
		late.Reset(responseTime)
		err := stream.Recv(&response)
		switch timely := late.Stop(); {
		case !timely:
			return fmt.Errorf("no response to batch %d within %v", n, responseTime)
		case err == io.EOF:
			return fmt.Errorf("the server ended the stream without a response to batch %d", n)
		case err != nil:
			return err
		case response.ID != n || len(response.Images) != l.Batch:
			return fmt.Errorf("wrong response: got %d images of batch %d, want %d of batch %d", len(response.Images), response.ID, l.Batch, n)
		}
		latency := time.Since(set.due)
		failed := 0
		for i := range response.Images {
			p := &response.Images[i]
			switch {
			case p.Err != nil:
				failed++
			case l.Sink != nil:
				images++
				if err := l.Sink.Write(images, p.Data); err != nil {
					return err
				}
			}
		}
		meter.answered(l.Batch, failed, latency)
		s.free <- set
	}
}

// scenes renders batches of an animated scene: each goes on where the one before has ended.
type scenes struct {
	scene *synth.Scene
	free  chan *batchSet
	sent  chan *batchSet // oldest first
}

// batchSet is the frames of one batch.
type batchSet struct {
	due    time.Time
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

// render draws batch n.
func (s *scenes) render(set *batchSet, n int) {
	for i := range set.frames {
		s.scene.Render(&set.frames[i], n*len(set.frames)+i)
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
