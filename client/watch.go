package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// WatchOptions say how a live stream is watched. The zero value is right for most.
type WatchOptions struct {
	MaxFPS float64 // images a second at most; 0: all
	// InFlight is how many images the server may have sent that Next has not returned; 0: 2, one on its way while another
	// is looked at. With 1 each image is the newest at the time of Next, which then takes a round trip. Over long lines it
	// must be more: it is the most images a round trip.
	InFlight int
	Pull     *Pull // for servers of a cluster: the caller is one; nil: it is not
}

// Pull is what a server of a cluster says that takes a stream from another, for viewers of its own. It must be one that may view all
// streams. Where the other server has as many such calls as it may, its error has an errdetails.ErrorInfo with the server to ask instead:
// api/steadyframe/v1/frame.proto.
type Pull struct {
	Node   string   // the caller's name in the cluster
	Tried  []string // servers that it has asked in vain, or that sent it here
	Insist bool     // do not send it to another one
}

// LiveImage is one image of a live stream. It is filled again and again; what it lends is valid until the next time.
type LiveImage struct {
	Data          []byte    // a whole JPEG, lent
	Seq           uint64    // counts the stream's images from 1; what is missing between two was dropped for this viewer, or never made
	Captured      time.Time // when its frame was captured
	Sent          time.Time // when the server sent it
	Width, Height int       // pixels
	Offline       bool      // the stream's source is lost: the image says so
	Repeat        bool      // this viewer was sent it before
	Alpha         []byte    // as in Image, lent
	Path          []string  // of the first image for a Pull: the servers over which they come, from that of the publisher on; else nil

	memory []byte // what Data points into
}

// Watcher is given the images of a live stream. One goroutine at a time may use it.
type Watcher struct {
	stream grpc.ClientStream
	cancel context.CancelFunc
	ring   *ringWatcher // nil: it is a call of gRPC
	again  bool         // Next has returned an image, which the caller is done with at the next Next
}

// Watch begins to watch the live stream of that name. The caller ends it with Close, or by ending ctx. The error is an
// *Error: NotFound when there is no such stream, ResourceExhausted when it has too many viewers. nil is the zero
// WatchOptions.
func (c *Client) Watch(ctx context.Context, name string, options *WatchOptions) (*Watcher, error) {
	var o WatchOptions
	if options != nil {
		o = *options
	}
	if o.InFlight <= 0 {
		o.InFlight = 2
	}
	if c.ring != nil {
		return c.ring.watch(ctx, name, o)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &api.WatchRequest{Stream: name, MaxFps: o.MaxFPS, Pictures: uint32(o.InFlight)}
	if p := o.Pull; p != nil {
		r.Pull = &api.Pull{Node: p.Node, Tried: p.Tried, Insist: p.Insist}
	}
	w, err := c.watch(ctx, r)
	if err != nil {
		cancel()
		return nil, err
	}
	w.cancel = cancel
	return w, nil
}

func (c *Client) watch(ctx context.Context, r *api.WatchRequest) (*Watcher, error) {
	s, err := c.open(ctx, api.FrameService_Watch_FullMethodName)
	if err != nil {
		return nil, err
	}
	_ = s.SendMsg(r) // The response says what is wrong.
	head, err := s.Header()
	if err == nil && head == nil { // The response is an error.
		err = early(s.RecvMsg(&LiveImage{}))
	}
	if err != nil {
		return nil, toError(err)
	}
	return &Watcher{stream: s}, nil
}

// Next waits for the next image that there is for this viewer and puts it into i: the newest when the server had word
// that one more is wanted, or a repeat, once a second, of one that stays the same. The error is an *Error, and final.
func (w *Watcher) Next(i *LiveImage) error {
	if w.ring != nil {
		return w.ring.next(i)
	}
	if w.again {
		w.again = false
		_ = w.stream.SendMsg(&api.WatchRequest{Pictures: 1}) // What is wrong, RecvMsg says.
	}
	if err := w.stream.RecvMsg(i); err != nil {
		return toError(early(err))
	}
	w.again = true
	return nil
}

// Close ends the watching. It may be called from any goroutine; a Next that waits then returns an error. A second Close
// does nothing.
func (w *Watcher) Close() { w.cancel() }

// The tags of WatchPicture, as those of EncodeRequest.
const (
	tagImageData     = 1<<3 | uint64(protowire.BytesType)
	tagSeq           = 2<<3 | uint64(protowire.VarintType)
	tagImageCaptured = 3<<3 | uint64(protowire.VarintType)
	tagSentUS        = 4<<3 | uint64(protowire.VarintType)
	tagImageWidth    = 5<<3 | uint64(protowire.VarintType)
	tagImageHeight   = 6<<3 | uint64(protowire.VarintType)
	tagImageOffline  = 7<<3 | uint64(protowire.VarintType)
	tagImageRepeat   = 8<<3 | uint64(protowire.VarintType)
	tagImageAlpha    = 9<<3 | uint64(protowire.BytesType)
	tagImagePath     = 10<<3 | uint64(protowire.BytesType)
)

// unmarshal sets i to what data says, copying it into memory of its own.
func (i *LiveImage) unmarshal(data mem.BufferSlice) error {
	*i = LiveImage{memory: copyInto(i.memory, data)}
	return eachField(i.memory, func(tag, v uint64, body []byte) error {
		switch tag {
		case tagImageData:
			i.Data = body
		case tagSeq:
			i.Seq = v
		case tagImageCaptured:
			i.Captured = time.UnixMicro(int64(v))
		case tagSentUS:
			i.Sent = time.UnixMicro(int64(v))
		case tagImageWidth:
			i.Width = int(uint32(v))
		case tagImageHeight:
			i.Height = int(uint32(v))
		case tagImageOffline:
			i.Offline = v != 0
		case tagImageRepeat:
			i.Repeat = v != 0
		case tagImageAlpha:
			i.Alpha = body
		case tagImagePath:
			i.Path = append(i.Path, string(body))
		}
		return nil
	})
}
