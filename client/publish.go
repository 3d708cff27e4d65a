package client

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/pipeline"
)

// PublishOptions say more of a live stream. The zero value is right for most.
type PublishOptions struct {
	MaxFPS  float64 // images a second at most; 0: one of each frame
	Regions int     // of a scene, how many regions an image has at most: the ring's memory has room for them; 0: 1
}

// PublishStatus is what has become of the frames of a Publisher so far, and who sees them.
type PublishStatus struct {
	Arrived   uint64 // frames that the server has
	Published uint64 // images made of them
	Same      uint64 // images that were equal to the one before, and therefore not published
	Dropped   Dropped
	Viewers   int     // of the stream now, over any transport
	FPSOut    float64 // images published a second, over the last two seconds or so
}

// Dropped counts frames that no image was made of.
type Dropped struct {
	Newer    uint64 // a newer frame came before its turn
	Capped   uint64 // above MaxFPS
	Unseen   uint64 // nobody watched
	NoMemory uint64 // there was no room in the server's memory budget
	Failed   uint64 // it could not be decoded or encoded
}

// dropped returns what m says.
func dropped(m *api.Dropped) Dropped {
	return Dropped{Newer: m.GetNewer(), Capped: m.GetCapped(), Unseen: m.GetUnseen(), NoMemory: m.GetNoMemory(), Failed: m.GetFailed()}
}

// Publisher feeds a live stream. One goroutine at a time may Send.
type Publisher struct {
	stream  grpc.ClientStream
	request publishRequest
	status  atomic.Pointer[PublishStatus]
	ended   chan struct{}  // closed when the server has ended the call
	err     error          // why; nil when that was after all frames
	ring    *ringPublisher // nil: it is a call of gRPC
}

// Publish makes the caller the publisher of the live stream of that name, in the place of any other. spec says what the
// frames are and what to make of them; without Input, frames are whole JPEGs. nil is the zero PublishOptions. Publish
// waits until the server has agreed. The caller ends the Publisher with Close, or by ending ctx. The error is an *Error: FailedPrecondition for a stream with a source of its own, ResourceExhausted without room for one more.
func (c *Client) Publish(ctx context.Context, name string, spec pipeline.Spec, options *PublishOptions) (*Publisher, error) {
	var o PublishOptions
	if options != nil {
		o = *options
	}
	if c.ring != nil {
		return c.ring.publish(ctx, name, spec, o)
	}
	message, err := apispec.ToProto(spec)
	if err != nil {
		return nil, specError(err)
	}
	s, err := c.open(ctx, api.FrameService_Publish_FullMethodName)
	if err != nil {
		return nil, err
	}
	p := &Publisher{stream: s, ended: make(chan struct{})}
	p.request.departure = newDeparture(c.codec.heads)
	if err := s.SendMsg(&api.PublishRequest{Stream: name, Spec: message, MaxFps: o.MaxFPS}); err != nil && err != io.EOF {
		return nil, toError(err)
	}
	if err := p.recv(); err != nil {
		return nil, toError(early(err))
	}
	go p.follow()
	return p, nil
}

// recv waits for a status.
func (p *Publisher) recv() error {
	var s api.PublishStatus
	if err := p.stream.RecvMsg(&s); err != nil {
		return err
	}
	p.status.Store(&PublishStatus{
		Arrived:   s.GetArrived(),
		Published: s.GetPublished(),
		Same:      s.GetSame(),
		Dropped:   dropped(s.GetDropped()),
		Viewers:   int(s.GetViewers()),
		FPSOut:    s.GetFpsOut(),
	})
	return nil
}

// follow takes in statuses until the call ends.
func (p *Publisher) follow() {
	defer close(p.ended)
	for {
		if err := p.recv(); err == io.EOF {
			return
		} else if err != nil {
			p.err = toError(err)
			return
		}
	}
}

// Send sends frames, captured now, oldest first. It waits until they are on their way, and borrows them until it
// returns; after an error, until the Client's Close. The error is an *Error, and final: Aborted when another publisher took
// the stream over.
func (p *Publisher) Send(frames ...[]byte) error { return p.SendCaptured(time.Now(), frames...) }

// KeepAlive tells the server that the producer is there, without a frame: a producer that waits for viewers calls it more often
// than the server's timeouts.idle. Its error is Send's.
func (p *Publisher) KeepAlive() error { return p.SendCaptured(time.Now()) }

// SendCaptured is Send for frames that were captured at that time.
func (p *Publisher) SendCaptured(at time.Time, frames ...[]byte) error {
	if p.ring != nil {
		return p.ring.send(p, at, frames)
	}
	return p.sendRequest(at, nil, frames)
}

// SendImage is SendCaptured for a stream of a scene: the frames are the regions of image m, and as many as it says. An empty one
// leaves its place out.
func (p *Publisher) SendImage(at time.Time, m SceneImage, regions ...[]byte) error {
	if p.ring != nil {
		return p.ring.sendImage(p, at, m, regions)
	}
	return p.sendRequest(at, []SceneImage{m}, regions)
}

func (p *Publisher) sendRequest(at time.Time, images []SceneImage, frames [][]byte) error {
	p.request.capturedUS, p.request.frames, p.request.images = uint64(max(at.UnixMicro(), 0)), frames, images
	err := p.stream.SendMsg(&p.request)
	p.request.frames = nil
	if err != nil && err != io.EOF {
		return toError(err)
	}
	if err == nil {
		select {
		case <-p.request.gone:
			return nil
		case <-p.ended:
		}
	}
	<-p.ended // io.EOF says as much.
	if p.err == nil {
		return toError(early(io.EOF))
	}
	return p.err
}

// Status returns the newest status: there is one a second, and one soon after the first viewer has come or the last has
// gone. A producer that makes frames may stop while Viewers is 0.
func (p *Publisher) Status() PublishStatus { return *p.status.Load() }

// Close says that no further frame comes, waits until the server has made the last image, and returns the last status.
// The error is an *Error.
func (p *Publisher) Close() (PublishStatus, error) {
	if p.ring != nil {
		return p.ring.close(p)
	}
	if err := p.stream.CloseSend(); err != nil {
		return p.Status(), toError(err)
	}
	<-p.ended
	return p.Status(), p.err
}

// early returns err, and a status for io.EOF where the server should not have ended the call.
func early(err error) error {
	if err == io.EOF {
		return status.Error(codes.Internal, "the server ended the call without a reason")
	}
	return err
}

// publishRequest is a PublishRequest on its way, without the description of the stream.
type publishRequest struct {
	*departure
	capturedUS uint64
	frames     [][]byte
	images     []SceneImage
}

// The tags of PublishRequest, as those of EncodeRequest.
const (
	tagCapturedUS    = 4<<3 | uint64(protowire.VarintType)
	tagPublishFrames = 5<<3 | uint64(protowire.BytesType)
	tagPublishImages = 6<<3 | uint64(protowire.BytesType)
)

// marshal returns r as protobuf.
func (r *publishRequest) marshal() mem.BufferSlice {
	p := r.heads.Get(maxTag + maxVarint + imagesSizeOf(r.images) + headSizeOf(r.frames))
	r.begin(r.frames)
	head := (*p)[:0]
	if r.capturedUS != 0 {
		head = protowire.AppendVarint(protowire.AppendVarint(head, tagCapturedUS), r.capturedUS)
	}
	head = appendImages(head, tagPublishImages, r.images)
	return appendFrames(mem.NewBuffer(p, departingHead{r.departure}), head, tagPublishFrames, r.frames, r.departure)
}

// departure is the pool of a message's buffers, and tells when all have been written: when the message has left.
type departure struct {
	heads *headPool
	begun bool          // whether there has been a message
	held  atomic.Int32  // buffers that have not been written
	gone  chan struct{} // receives when there are no more
}

func newDeparture(heads *headPool) *departure {
	return &departure{heads: heads, gone: make(chan struct{}, 1)}
}

// begin expects a head and the frames that are not in it.
func (d *departure) begin(frames [][]byte) {
	n := int32(1)
	for _, f := range frames {
		if len(f) > 0 && !isSmall(f) {
			n++
		}
	}
	d.begun = true
	d.held.Store(n)
}

// Get is part of mem.BufferPool.
func (d *departure) Get(n int) *[]byte { return borrowed{}.Get(n) }

// Put is part of mem.BufferPool.
func (d *departure) Put(*[]byte) { d.written() }

// written counts a buffer as written.
func (d *departure) written() {
	if d.held.Add(-1) == 0 {
		select {
		case d.gone <- struct{}{}:
		default: // Nobody waits: the call has ended.
		}
	}
}

// departingHead is the pool of the head of a departure.
type departingHead struct{ *departure }

// Put is part of mem.BufferPool.
func (d departingHead) Put(p *[]byte) {
	d.heads.Put(p)
	d.written()
}
