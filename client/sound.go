package client

import (
	"context"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// SoundFormat describes sound: 16-bit little-endian samples, of all channels for one moment after the other.
type SoundFormat struct {
	Rate     int // moments a second, 8000 to 48000
	Channels int // 1 or 2; 0: 1
}

// SoundPublisher feeds the sound of a live stream. One goroutine at a time may Send.
type SoundPublisher struct {
	stream grpc.ClientStream
	moment int               // bytes
	rate   int               // moments a second
	first  *api.SoundRequest // nil: it is sent
}

// PublishSound makes the caller the publisher of the sound of the live stream of that name, in the place of any other; its images may
// have another publisher. captured is when the first sample is captured; zero: when it comes. Each further one is a sample later,
// unless SendCaptured says otherwise: sound and images which are sent together belong together. The caller ends it with Close, or by ending ctx. What is wrong,
// Send and Close say. The call goes over gRPC also where the Client has a ring. The error is an *Error.
func (c *Client) PublishSound(ctx context.Context, name string, f SoundFormat, captured time.Time) (*SoundPublisher, error) {
	s, err := c.open(ctx, api.FrameService_PublishSound_FullMethodName)
	if err != nil {
		return nil, err
	}
	first := &api.SoundRequest{Stream: name, Rate: uint32(max(f.Rate, 0)), Channels: uint32(max(f.Channels, 0))}
	if !captured.IsZero() {
		first.CapturedUs = uint64(max(captured.UnixMicro(), 0))
	}
	return &SoundPublisher{stream: s, moment: 2 * max(f.Channels, 1), rate: max(f.Rate, 1), first: first}, nil
}

// sentAtOnce is the most bytes of sound of one request, a multiple of every moment.
const sentAtOnce = 32 << 10

// Send sends sound, whole moments, which it borrows until it returns. It waits while the server takes no more, since sound is more
// than half a second ahead. The error is an *Error, and final: Aborted when another publisher took the sound over.
//
// Sound that comes to the server more than 200 ms late goes on after a pause, for the server, and has the time of its coming.
// SendCaptured knows better.
func (p *SoundPublisher) Send(pcm []byte) error { return p.SendCaptured(time.Time{}, pcm) }

// SendCaptured is Send for sound whose first sample was captured at that time, by the clock of Publisher.SendCaptured: however late
// it comes, it is for that time.
func (p *SoundPublisher) SendCaptured(at time.Time, pcm []byte) error {
	if len(pcm)%p.moment != 0 {
		return &Error{Code: codes.InvalidArgument, Field: "pcm", Reason: fmt.Sprintf("client: got %d bytes, want a multiple of %d", len(pcm), p.moment)}
	}
	for len(pcm) > 0 {
		n := min(len(pcm), sentAtOnce)
		if err := p.send(at, pcm[:n]); err != nil {
			return err
		}
		pcm = pcm[n:]
		if !at.IsZero() {
			at = at.Add(time.Duration(n/p.moment) * time.Second / time.Duration(p.rate))
		}
	}
	return nil
}

func (p *SoundPublisher) send(at time.Time, pcm []byte) error {
	r := &api.SoundRequest{}
	if p.first != nil {
		r, p.first = p.first, nil
	}
	if r.Pcm = pcm; !at.IsZero() {
		r.CapturedUs = uint64(max(at.UnixMicro(), 0))
	}
	err := p.stream.SendMsg(r)
	if err == io.EOF { // The response says why.
		if err = p.stream.RecvMsg(&api.SoundResponse{}); err == nil {
			err = early(io.EOF)
		}
	}
	return toError(err)
}

// Close says that no further sound comes, and waits until the server has it. It returns how much there was. The error is an *Error.
func (p *SoundPublisher) Close() (time.Duration, error) {
	if p.first != nil { // The server wants to know what there is nothing of.
		if err := p.send(time.Time{}, nil); err != nil {
			return 0, err
		}
	}
	if err := p.stream.CloseSend(); err != nil {
		return 0, toError(err)
	}
	var r api.SoundResponse
	if err := p.stream.RecvMsg(&r); err != nil {
		return 0, toError(early(err))
	}
	return time.Duration(r.GetSeconds() * float64(time.Second)), nil
}

// LiveSound is a piece of the sound of a live stream. It is filled again and again.
type LiveSound struct {
	SoundFormat
	Captured time.Time // of its first sample, by the clock of LiveImage.Captured
	PCM      []byte    // samples, lent until the next time
}

// Listener is given the sound of a live stream. One goroutine at a time may use it.
type Listener struct {
	stream grpc.ClientStream
	cancel context.CancelFunc
}

// Listen begins to listen to the live stream of that name, from now on. The caller ends it with Close, or by ending ctx. The call goes
// over gRPC also where the Client has a ring. The error is an *Error: NotFound when there is no such stream, or no sound.
func (c *Client) Listen(ctx context.Context, name string) (*Listener, error) {
	ctx, cancel := context.WithCancel(ctx)
	l, err := c.listen(ctx, name)
	if err != nil {
		cancel()
		return nil, err
	}
	l.cancel = cancel
	return l, nil
}

func (c *Client) listen(ctx context.Context, name string) (*Listener, error) {
	s, err := c.open(ctx, api.FrameService_Listen_FullMethodName)
	if err != nil {
		return nil, err
	}
	_ = s.SendMsg(&api.ListenRequest{Stream: name}) // The response says what is wrong.
	_ = s.CloseSend()
	head, err := s.Header()
	if err == nil && head == nil { // The response is an error.
		err = early(s.RecvMsg(&api.Sound{}))
	}
	if err != nil {
		return nil, toError(err)
	}
	return &Listener{stream: s}, nil
}

// Next waits for the next piece and puts it into s. Silence may be missing between two, for one that is behind. It returns io.EOF when
// the sound has ended; any other error is an *Error.
func (l *Listener) Next(s *LiveSound) error {
	var m api.Sound
	if err := l.stream.RecvMsg(&m); err != nil {
		if err == io.EOF {
			return err
		}
		return toError(err)
	}
	s.Rate, s.Channels = int(m.GetRate()), int(m.GetChannels())
	s.Captured, s.PCM = time.UnixMicro(int64(m.GetCapturedUs())), m.GetPcm()
	return nil
}

// Close ends the listening. It may be called from any goroutine; a Next that waits then returns an error. A second Close does
// nothing.
func (l *Listener) Close() { l.cancel() }
