package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// RingOptions says how to reach a server on the same machine. The zero value is right for one with the default settings.
type RingOptions struct {
	GRPC    string  // where its gRPC API is, for ListStreams, and for all where there is no ring; empty: 127.0.0.1:50051
	Options Options // of the gRPC connection
}

const (
	ringScheme  = "ring:"
	addressName = "STEADYFRAME_URL"
	usualGRPC   = "127.0.0.1:50051"
	ringWait    = time.Second // for the server to accept, in DialRing
	idleRings   = 8           // connections that a Client keeps for further calls of Encode
)

// DialRing returns a Client for the server on this machine at address, ring:/path, that shares memory with it: frames are
// copied once, into that memory, and reach the encoder there. Empty is the environment's STEADYFRAME_URL, or the path where a
// server listens by default. Where there is no ring, since no server listens there, or the system is not Linux, or
// STEADYFRAME_URL is grpc://host:port, the Client uses gRPC, as one of Dial does; Via says which. An address that was given and
// has no ring is an error. nil is the zero RingOptions.
func DialRing(address string, options *RingOptions) (*Client, error) {
	var o RingOptions
	if options != nil {
		o = *options
	}
	given := address != ""
	if !given {
		address = os.Getenv(addressName)
	}
	path, isRing := strings.CutPrefix(address, ringScheme)
	switch target, isGRPC := strings.CutPrefix(address, "grpc://"); {
	case isGRPC && !given:
		return Dial(target, &o.Options)
	case address == "":
		path = ring.DefaultPath()
		if ring.CheckDir(ring.DefaultDir()) != nil {
			path = "" // Another user could have put a socket there.
		}
	case !isRing || path == "":
		return nil, fmt.Errorf("client: got address %q, want ring:/path", address)
	}
	if o.GRPC == "" {
		o.GRPC = usualGRPC
	}
	c, err := Dial(o.GRPC, &o.Options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), ringWait)
	defer cancel()
	switch err := ring.Probe(ctx, path); {
	case err == nil:
		c.ring = &ringLink{path: path}
	case isRing:
		_ = c.Close() // It was never used.
		return nil, &Error{Code: codes.Unavailable, Reason: err.Error(), err: err}
	}
	return c, nil
}

// Via returns how c reaches the server: "ring" or "grpc".
func (c *Client) Via() string {
	if c.ring != nil {
		return "ring"
	}
	return "grpc"
}

// ringLink is a server that is reached through the ring.
type ringLink struct {
	path string

	mu     sync.Mutex
	idle   []*ringConn // for Encode; the one used last at the end
	closed bool
}

// ringConn is a connection for encoding.
type ringConn struct {
	*ring.Conn
	spec        pipeline.Spec
	generations []uint32 // of the slots
	message     ring.Message
}

// dial connects for encoding batches of n frames.
func (l *ringLink) dial(ctx context.Context, spec pipeline.Spec, slots, n int) (*ringConn, error) {
	conn, err := ring.Dial(ctx, l.path, ring.Hello{Use: ring.Encode, Spec: spec, Slots: slots, Batch: n, Client: "go"})
	if err != nil {
		return nil, ringError(err)
	}
	c := &ringConn{Conn: conn, spec: spec, generations: make([]uint32, conn.Layout.Slots)}
	for i := range c.generations {
		c.generations[i] = 1
	}
	return c, nil
}

// take returns an idle connection for batches of n frames, or nil.
func (l *ringLink) take(spec pipeline.Spec, n int) *ringConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.idle) - 1; i >= 0; i-- {
		if c := l.idle[i]; c.spec == spec && c.Layout.Batch >= n {
			l.idle = slices.Delete(l.idle, i, i+1)
			return c
		}
	}
	return nil
}

// keep keeps a connection for later calls, in the place of the one that was used longest ago where there are too many.
func (l *ringLink) keep(c *ringConn) {
	l.mu.Lock()
	drop := c
	if !l.closed {
		drop = nil
		if len(l.idle) == idleRings {
			drop = l.idle[0]
			l.idle = slices.Delete(l.idle, 0, 1)
		}
		l.idle = append(l.idle, c)
	}
	l.mu.Unlock()
	if drop != nil {
		drop.Close()
	}
}

// close closes the idle connections. Those in use end when they would become idle.
func (l *ringLink) close() {
	l.mu.Lock()
	idle := l.idle
	l.idle, l.closed = nil, true
	l.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
}

// submit copies frames into a slot and hands it to the server. It returns how many had the right size; the others it leaves out.
func (c *ringConn) submit(slot int, frames [][]byte) (sent int, err error) {
	for _, f := range frames {
		if len(f) == c.Layout.FrameBytes {
			copy(c.Frame(slot, sent), f)
			sent++
		}
	}
	if sent == 0 {
		return 0, nil
	}
	s := ring.Submit{Slot: uint32(slot), Generation: c.generations[slot], Frames: uint32(sent)}
	s.Set(&c.message)
	return sent, c.Send(c.message[:])
}

// receive waits until the server is done with a slot, the next in order, and puts copies of its images into r, one for each frame.
// Those of a wrong size get an error.
func (c *ringConn) receive(m *ring.Message, slot int, frames [][]byte, r *Response) error {
	run, err := c.receiveDone(m, slot)
	if err != nil {
		return err
	}
	r.Run = run
	return c.copyImages(slot, frames, r)
}

// receiveDone waits until the server is done with a slot, the next in order, and returns how long that took.
func (c *ringConn) receiveDone(m *ring.Message, slot int) (run time.Duration, err error) {
	payload, err := c.Recv(m)
	if err != nil {
		return 0, err
	}
	d := ring.ParseDone(m)
	if m.Kind() != ring.KindDone || int64(d.Slot) != int64(slot) {
		return 0, fmt.Errorf("%w: got a message of kind %d about slot %d, want DONE of slot %d", ring.ErrLost, m.Kind(), d.Slot, slot)
	}
	c.generations[slot] = d.Generation
	if m.Code() != 0 {
		return 0, ring.ParseError(m, payload)
	}
	return time.Duration(d.RunNS), nil
}

// copyImages copies the images of a slot into memory of r.
func (c *ringConn) copyImages(slot int, frames [][]byte, r *Response) error {
	area := c.Area(slot)
	r.Images, r.memory = r.Images[:0], r.memory[:0]
	sent := 0
	for i, f := range frames {
		if len(f) != c.Layout.FrameBytes {
			r.Images = append(r.Images, Image{Err: &Error{Code: codes.InvalidArgument, Reason: fmt.Sprintf("frame %d: got %d bytes, want %d", i, len(f), c.Layout.FrameBytes)}})
			continue
		}
		data, err := c.image(area, sent)
		if err != nil && errors.Is(err, ring.ErrLost) {
			return err
		}
		sent++
		first := len(r.memory)
		r.memory = append(r.memory, data...)
		r.Images = append(r.Images, Image{Data: r.memory[first:len(r.memory):len(r.memory)], Err: err})
	}
	// Where the memory has moved, Data of earlier images still point into the old one, which is as good.
	return nil
}

// image returns image n in an area, or its error: an *Error, or one that wraps ErrLost.
func (c *ringConn) image(area []byte, n int) ([]byte, error) {
	e := ring.ParseEntry(area, n)
	if uint64(e.Offset)+uint64(e.Bytes) > uint64(len(area)) {
		return nil, fmt.Errorf("%w: got an image at %d of %d bytes in an area of %d", ring.ErrLost, e.Offset, e.Bytes, len(area))
	}
	data := area[e.Offset:][:e.Bytes]
	if e.Code != 0 {
		return nil, ringError(ring.ParseText(uint16(e.Code), data))
	}
	return data, nil
}

// encode is Client.Encode through the ring. A connection that was kept may have ended meanwhile: then there is a second try.
func (l *ringLink) encode(ctx context.Context, b *Batch, r *Response) error {
	n, slots, encode := len(b.Frames), 1, (*ringConn).encode
	if b.Spec.Scene != "" {
		s := sceneBatch{batch: b}
		if err := s.check(); err != nil {
			return err
		}
		n, slots, encode = s.regions(), min(max(s.count(), 1), sceneSlots), (*ringConn).encodeScene
	}
	for {
		c := l.take(b.Spec, n)
		kept := c != nil
		if !kept {
			var err error
			if c, err = l.dial(ctx, b.Spec, slots, max(n, 1)); err != nil {
				return err
			}
		}
		err := encode(c, ctx, b, r)
		if err == nil {
			l.keep(c)
			return nil
		}
		c.Close()
		if !kept || ctx.Err() != nil {
			return ringError(err)
		}
	}
}

// encode encodes b in the first slot.
func (c *ringConn) encode(ctx context.Context, b *Batch, r *Response) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, c.Hangup)
		defer stop()
	}
	sent, err := c.submit(0, b.Frames)
	switch {
	case err != nil:
	case sent == 0:
		err = c.copyImages(0, b.Frames, r)
	default:
		err = c.receive(&c.message, 0, b.Frames, r)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	r.ID = b.ID
	return err
}

// codeOfRing returns the code of gRPC for one of the ring, as the server's gRPC API does.
func codeOfRing(code uint16) codes.Code {
	of := [...]codes.Code{
		2: codes.InvalidArgument, 3: codes.InvalidArgument, 4: codes.Unimplemented, 5: codes.Unauthenticated, 6: codes.PermissionDenied,
		7: codes.NotFound, 8: codes.Aborted, 9: codes.Unavailable, 10: codes.ResourceExhausted, 11: codes.Unavailable,
		12: codes.DeadlineExceeded, 13: codes.DeadlineExceeded, 14: codes.Canceled,
	}
	if int(code) < len(of) && of[code] != codes.OK {
		return of[code]
	}
	return codes.Internal
}

// ringError returns an error of the ring as an *Error.
func ringError(err error) error {
	var server *ring.ServerError
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &server):
		return &Error{
			Code: codeOfRing(server.Code), Reason: server.Text, Field: server.Field, Limit: server.Limit, RetryAfter: server.RetryAfter, err: err,
		}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: codes.DeadlineExceeded, Reason: err.Error(), err: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: codes.Canceled, Reason: err.Error(), err: err}
	case err == io.EOF:
		err = ring.ErrLost
	}
	return &Error{Code: codes.Unavailable, Reason: err.Error(), err: err}
}
