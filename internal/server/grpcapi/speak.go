package grpcapi

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
)

const (
	// maxPCM is the most bytes of sound of one request.
	maxPCM = 32 << 10
	// maxSpoken is the most bytes of a SoundRequest.
	maxSpoken = maxPCM + 256
)

// speaking is one call of PublishSound. Beside the call's own goroutine one receives sound and hands it on.
type speaking struct {
	call
	accepted chan struct{} // closed when the caller is the publisher of the sound; until then the receiving goroutine owns sound
	sound    *live.Sound
	moments  int64 // of sound so far
}

func newSpeaking(s *service, stream grpc.ServerStream, in pieceReader) *speaking {
	p := &speaking{accepted: make(chan struct{})}
	p.init(s, stream, in, func() {
		if p.sound != nil {
			p.sound.Close()
		}
	})
	return p
}

// run serves the call until its outcome is known, and returns that.
func (p *speaking) run() error {
	defer p.receiving.Stop()
	p.start(func() { p.finish(p.protect(p.receiveAll)) })
	accepted := p.accepted
	var gone <-chan struct{} // closed when another has taken the sound over
	for {
		select {
		case <-accepted:
			accepted, gone = nil, p.sound.Done()
		case err := <-p.done:
			if err != nil {
				return err
			}
			return p.sendMessage(&api.SoundResponse{Seconds: float64(p.moments) / float64(p.sound.Format().Rate)})
		case <-p.ctx.Done():
			return p.over()
		case <-p.receiving.C:
			return errSlow()
		case <-p.engine.Draining():
			return errDraining()
		case <-gone:
			select {
			case err := <-p.done: // The call itself has ended it.
				p.finish(err)
				gone = nil
			default:
				return fault.From(p.sound.Err())
			}
		}
	}
}

// receiveAll hands sound on until there is no more.
func (p *speaking) receiveAll() error {
	var scratch []byte
	for {
		p.receiving.Stop()
		err := p.await(time.Duration(p.engine.Config.Timeout.Idle))
		switch {
		case err == io.EOF && p.sound != nil:
			return nil
		case err != nil:
			return firstError(err)
		}
		if err := p.begin(engine.Publish); err != nil {
			return err
		}
		if scratch, err = p.readWhole(scratch, maxSpoken); err != nil {
			return err
		}
		r, err := parseSoundRequest(scratch)
		if err != nil {
			return err
		}
		p.receiving.Stop() // What follows is not the caller's time.
		if err := p.speak(&r); err != nil {
			return err
		}
	}
}

// speak hands the sound of r on.
func (p *speaking) speak(r *soundRequest) error {
	switch {
	case p.sound == nil:
		if err := p.accept(r); err != nil {
			return err
		}
	case len(r.Stream) > 0 || r.Rate != 0 || r.Channels != 0:
		return errStreamAgain("stream, rate or channels")
	}
	moment := 2 * p.sound.Format().Channels
	switch n := len(r.PCM); {
	case n > maxPCM:
		return &fault.Error{Kind: fault.Invalid, Field: "pcm", Reason: fmt.Sprintf("grpcapi: got %d bytes, want at most %d in a request", n, maxPCM)}
	case n%moment != 0:
		return &fault.Error{Kind: fault.Invalid, Field: "pcm", Reason: fmt.Sprintf("grpcapi: got %d bytes, want a multiple of %d", n, moment)}
	case n == 0:
		return nil
	}
	p.sound.Pace(p.ctx, p.engine.Draining())
	captured, _ := live.Captured(r.CapturedUS, time.Now())
	if err := p.sound.Publish(r.PCM, captured); err != nil {
		return fault.From(err)
	}
	p.moments += int64(len(r.PCM) / moment)
	return nil
}

// accept makes the caller the publisher of the sound that its first request is about.
func (p *speaking) accept(r *soundRequest) error {
	if len(r.Stream) == 0 {
		return errNoStream()
	}
	f := stream.SoundFormat{Rate: int(min(r.Rate, 1<<20)), Channels: int(min(max(r.Channels, 1), 1<<20))}
	sound, err := p.live.Sound(p.ctx, string(r.Stream), f)
	if err != nil {
		return err
	}
	p.sound = sound
	close(p.accepted)
	return nil
}

// soundRequest is one SoundRequest.
type soundRequest struct {
	Stream         []byte // of what it was parsed from, as PCM
	Rate, Channels uint32
	CapturedUS     uint64
	PCM            []byte
}

// The fields of SoundRequest.
const (
	fieldSpoken         protowire.Number = 1
	fieldRate           protowire.Number = 2
	fieldChannels       protowire.Number = 3
	fieldSpokenCaptured protowire.Number = 4
	fieldPCM            protowire.Number = 5
)

// parseSoundRequest returns what the bytes of a SoundRequest say, as google.golang.org/protobuf reads them. The error is a
// *fault.Error of kind Invalid.
func parseSoundRequest(data []byte) (soundRequest, error) {
	var r soundRequest
	const name = "a SoundRequest"
	err := eachField(name, data, func(number protowire.Number, kind protowire.Type, value []byte) error {
		switch kind {
		case protowire.BytesType:
			bytes, _ := protowire.ConsumeBytes(value) // They are some.
			switch number {
			case fieldSpoken:
				if r.Stream = bytes; !utf8.Valid(bytes) {
					return notA(name, "got a stream's name that is not UTF-8")
				}
			case fieldPCM:
				r.PCM = bytes
			}
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			switch number {
			case fieldRate:
				r.Rate = uint32(v) // protobuf, too, takes the lower half of what does not fit.
			case fieldChannels:
				r.Channels = uint32(v)
			case fieldSpokenCaptured:
				r.CapturedUS = v
			}
		}
		return nil
	})
	if err != nil {
		return soundRequest{}, err
	}
	return r, nil
}
