package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// grpcLink is a connection of gRPC, or of the ring, with one stream of batches, opened when there is none. What waits for responses when a stream
// ends shares its fate: there is no telling what the server has seen of it.
type grpcLink struct {
	linkOptions
	client    *client.Client
	batch     client.Batch // of send
	receivers sync.WaitGroup

	mu     sync.Mutex
	stream *grpcStream // nil: the next batch opens one
}

// grpcStream is one stream and what waits for responses on it.
type grpcStream struct {
	link   *grpcLink
	stream *client.EncodeStream
	cancel context.CancelFunc
	timer  *time.Timer // fires when the response that comes next is late; guarded by the link's mu, like the rest
	late   bool
	calls  []*call // oldest first
}

func newGRPCLink(o linkOptions) (*grpcLink, error) {
	var c *client.Client
	var err error
	if o.target.via == Ring {
		c, err = client.DialRing(o.target.dial, nil)
		if err == nil && c.Via() != Ring.String() {
			err = errors.New("no server listens where the ring is by default: does one run, as this user? ring:/path names another ring")
		}
	} else {
		c, err = client.Dial(o.target.dial, &client.Options{Token: o.Token, TLS: o.TLS})
	}
	if err != nil {
		return nil, err
	}
	return &grpcLink{linkOptions: o, client: c}, nil
}

// specOf returns what the server is asked for.
func specOf(o *Options) pipeline.Spec {
	if o.Scene != "" {
		return pipeline.Spec{Scene: o.Scene, Input: o.desc()}
	}
	return pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: o.Width, Height: o.Height},
		Resize: pipeline.Resize{Width: o.OutWidth, Height: o.OutHeight},
		Output: pipeline.Output{Quality: o.Quality},
	}
}

// send is part of link.
func (l *grpcLink) send(c *call) {
	s, opened, err := l.open()
	if err != nil {
		l.receiver.failed(c, err)
		return
	}
	l.batch = client.Batch{ID: c.id, Frames: c.frames}
	if c.images != nil {
		l.batch.Frames, l.batch.Images = sceneBatch(c)
	}
	if opened {
		l.batch.Spec = specOf(l.Options)
	}
	if !s.push(c) {
		l.receiver.failed(c, &Error{Kind: lost, Reason: "the stream ended before the batch was sent"})
		return
	}
	if err := s.stream.Send(&l.batch); err != nil && err != io.EOF { // io.EOF: Recv says why
		s.cancel()
	}
}

// sceneBatch returns the regions and images of a batch of a scene.
func sceneBatch(c *call) (frames [][]byte, images []client.SceneImage) {
	for i, m := range c.images {
		image := client.SceneImage{Index: m.index}
		if !m.silent {
			frames = append(frames, c.frames[i])
			image.Regions = 1
		}
		images = append(images, image)
	}
	return frames, images
}

// open returns the stream, which it has opened where there was none.
func (l *grpcLink) open() (s *grpcStream, opened bool, failure *Error) {
	l.mu.Lock()
	s = l.stream
	l.mu.Unlock()
	if s != nil {
		return s, false, nil
	}
	ctx, cancel := context.WithCancel(l.using)
	connecting := time.AfterFunc(l.Timeout, cancel)
	stream, err := l.client.EncodeStream(ctx)
	if !connecting.Stop() {
		cancel()
		return nil, false, &Error{Class: TimedOut, Reason: fmt.Sprintf("no connection within %v", l.Timeout)}
	}
	if err != nil {
		cancel()
		return nil, false, notReached(err)
	}
	s = &grpcStream{link: l, stream: stream, cancel: cancel}
	s.timer = time.AfterFunc(l.Timeout, s.giveUp)
	s.timer.Stop()
	l.mu.Lock()
	l.stream = s
	l.mu.Unlock()
	l.receivers.Add(1)
	go s.receive()
	return s, true, nil
}

// giveUp ends a stream whose next response is late.
func (s *grpcStream) giveUp() {
	s.link.mu.Lock()
	s.late = true
	s.link.mu.Unlock()
	s.cancel()
}

// push adds a call that is about to be sent. It returns false when the stream has ended.
func (s *grpcStream) push(c *call) bool {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.link.stream != s {
		return false
	}
	s.calls = append(s.calls, c)
	if len(s.calls) == 1 {
		s.timer.Reset(s.link.Timeout)
	}
	return true
}

// take removes and returns the call of that id, nil when there is none, and the call that should have been answered
// before it, if there is one.
func (s *grpcStream) take(id uint64) (c, before *call) {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	i := slices.IndexFunc(s.calls, func(c *call) bool { return c.id == id })
	if i < 0 {
		return nil, nil
	}
	c = s.calls[i]
	if i > 0 {
		before = s.calls[0]
	}
	s.calls = slices.Delete(s.calls, i, i+1)
	s.timer.Stop()
	if len(s.calls) > 0 {
		s.timer.Reset(time.Until(s.calls[0].sent.Add(s.link.Timeout)))
	}
	return c, before
}

// receive takes the responses until the stream ends.
func (s *grpcStream) receive() {
	defer s.link.receivers.Done()
	var response client.Response
	for {
		if err := s.stream.Recv(&response); err != nil {
			s.end(err)
			return
		}
		c, before := s.take(response.ID)
		switch {
		case c == nil:
			s.link.receiver.found(unasked, fmt.Sprintf("a response to batch %d, which waits for none", int64(response.ID)-1))
			continue
		case before != nil:
			s.link.receiver.found(outOfOrder, fmt.Sprintf("batch %d was answered before batch %d", c.n, before.n))
		}
		s.link.receiver.answered(c, response.Images)
	}
}

// end fails what waits for a response.
func (s *grpcStream) end(err error) {
	s.cancel()
	s.link.mu.Lock()
	if s.link.stream == s {
		s.link.stream = nil
	}
	s.timer.Stop()
	calls := s.calls
	failure := fromGRPC(err)
	var e *client.Error
	switch {
	case s.late:
		failure = &Error{Class: TimedOut, Reason: fmt.Sprintf("no response within %v", s.link.Timeout)}
	case errors.As(err, &e) && e.Code == codes.Unavailable && failure.Class != Rejected:
		failure.Kind = lost
	}
	s.link.mu.Unlock()
	for _, c := range calls {
		s.link.receiver.failed(c, failure)
	}
}

// close is part of link.
func (l *grpcLink) close() {
	l.mu.Lock()
	s := l.stream
	l.mu.Unlock()
	if s != nil {
		_ = s.stream.CloseSend() // It fails for a stream that has ended, which is as well.
	}
	l.receivers.Wait()
	_ = l.client.Close() // All is answered.
}
