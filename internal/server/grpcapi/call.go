package grpcapi

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// pieceBytes is how much is read at a time. It bounds what grpc-go buffers for a stream that is being read (beside
// streamWindow), and, with timeouts.receive, how slowly a request may come.
const pieceBytes = 1 << 20

// minPiece is how many bytes must come within timeouts.receive. Smaller reads (tags, lengths, small frames) share one
// such time.
const minPiece = 512

// call is the server's side of one call, whatever its method. Its own goroutine, the one that grpc-go has made for it,
// watches over others that read and write, since only its return can end a read or a write that hangs.
type call struct {
	*service
	ctx     context.Context
	id      *auth.Identity // of the caller
	conn    *connection
	stream  grpc.ServerStream
	in      pieceReader
	release func()       // gives back what the goroutines hold
	users   atomic.Int32 // goroutines that have not ended, beside the call's own
	done    chan error   // takes the first outcome
	ticket  *ticket
	began   bool        // whether the first message has begun
	opened  bool        // whether the call is counted by the engine
	work    engine.Work // as which it is

	receiving *time.Timer // when it fires, the caller has sent too slowly
	header    [5]byte     // of the message that comes in: whether it is compressed, its length
	inflater  *inflater   // of the compressed message that comes in; nil: it is plain
	gathers   *gathering  // where compressed messages are gathered; nil: they are decompressed as they come in
	order     *engine.Stream
	fresh     int // bytes that have come since receiving was set
}

func (c *call) init(s *service, stream grpc.ServerStream, in pieceReader, release func()) {
	c.service, c.ctx, c.stream, c.in, c.release = s, stream.Context(), stream, in, release
	c.id, c.conn = auth.From(c.ctx), connectionOf(c.ctx)
	c.done = make(chan error, 1)
	c.receiving = time.NewTimer(time.Hour)
	c.receiving.Stop()
	c.ticket = ticketOf(c.ctx)
}

// begin is called when a message begins to come in: with the first, the call stops being one that may be ended to make
// room. It counts against limits.max_requests then.
func (c *call) begin(w engine.Work) error {
	if !c.beginUncounted() {
		return nil
	}
	if err := c.engine.Open(w, c.id.Owner()); err != nil {
		return err
	}
	c.opened, c.work = true, w
	return nil
}

// beginUncounted is begin for calls that send no frames: viewers have limits of their own. It reports whether the call had not
// begun.
func (c *call) beginUncounted() bool {
	first := !c.began
	if first {
		c.began = true
		c.ticket.busy()
	}
	return first
}

// start runs f on a goroutine of the call. The last of them to end releases what they hold.
func (c *call) start(f func()) {
	c.users.Add(1)
	c.wait.Go(func() {
		f()
		if c.users.Add(-1) == 0 {
			c.release()
			if c.opened {
				c.engine.Done(c.work, c.id.Owner())
			}
		}
	})
}

// protect returns f's error, and makes one of its panic.
func (c *call) protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic in a call", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fault.Errorf(fault.Internal, "grpcapi: panic: %v", v)
		}
	}()
	return f()
}

// finish makes err, or nil for success, the outcome, if there is none yet.
func (c *call) finish(err error) {
	select {
	case c.done <- err:
	default:
	}
}

// await waits for the next message to begin, so long at most; 0: for ever. It returns io.EOF when the caller has no
// more.
func (c *call) await(wait time.Duration) error {
	c.receiving.Stop()
	if wait > 0 {
		c.receiving.Reset(wait)
	}
	if err := c.in.ReadMessageHeader(c.header[:]); err != nil {
		return c.readError(err)
	}
	return nil
}

// length returns the length of the message that has begun, or unknownLength when it is compressed. What follows then up to
// inflated, fill decompresses.
func (c *call) length() (int, error) {
	length, most := int64(binary.BigEndian.Uint32(c.header[1:])), int64(c.engine.Config.Limits.MaxMessageBytes)
	switch {
	case c.header[0] > 1 || c.header[0] == 1 && c.in.RecvCompress() != gzipEncoding:
		return 0, fault.Errorf(fault.Unsupported, "grpcapi: the message is compressed, with the grpc-encoding %q, want it plain, or gzip", c.in.RecvCompress())
	case length > most:
		return 0, fault.LimitOf("limits.max_message_bytes", length, most, "the request is too large")
	case c.header[0] == 1:
		c.expect()
		return unknownLength, c.inflate(int(length))
	}
	return int(length), nil
}

// more reports whether the compressed message that comes in has further bytes.
func (c *call) more() (bool, error) { return c.inflater.More() }

// fill fills p with the next bytes of the message, decompressed.
func (c *call) fill(p []byte) error {
	if c.inflater != nil {
		return c.inflater.Fill(p)
	}
	return c.receiveBytes(p)
}

// receiveBytes fills p with the next bytes of the message, as they were sent. Each minPiece bytes at least must come within timeouts.receive:
// receiving is running whenever bytes are waited for, and is set again only when so many have come, or were asked for at
// once.
func (c *call) receiveBytes(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), pieceBytes)
		if c.fresh += n; c.fresh >= minPiece {
			c.expect()
		}
		if err := c.in.ReadMessageHeader(p[:n]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return c.readError(err)
		}
		p = p[n:]
	}
	return nil
}

// maxSmall is the most bytes of a message that is read as a whole: of a WatchRequest with the longest name there are 80.
const maxSmall = 1 << 10

// small reads the next message, one without frames, into scratch, if there is room. It waits for it so long at most; 0:
// for ever. It returns io.EOF when the caller has no more.
func (c *call) small(scratch []byte, wait time.Duration) ([]byte, error) {
	if err := c.await(wait); err != nil {
		return nil, err
	}
	c.beginUncounted()
	return c.readWhole(scratch, maxSmall)
}

// readWhole reads the message that has begun, one without frames and of so many bytes at most, into scratch, if there is room.
func (c *call) readWhole(scratch []byte, most int) ([]byte, error) {
	defer c.inflated()
	length, err := c.length()
	if err != nil {
		return nil, err
	}
	if length == unknownLength {
		defer c.receiving.Stop()
		return c.wholeInflated(scratch, most)
	}
	if length > most {
		return nil, fault.Errorf(fault.Invalid, "grpcapi: got a request of %d bytes, want at most %d", length, most)
	}
	data := slices.Grow(scratch[:0], length)[:length]
	c.expect()
	if err := c.fill(data); err != nil {
		return nil, err
	}
	c.receiving.Stop()
	return data, nil
}

// wholeInflated is readWhole for a compressed message.
func (c *call) wholeInflated(scratch []byte, most int) ([]byte, error) {
	data := slices.Grow(scratch[:0], most+1)[:most+1]
	n, err := c.inflater.read(data)
	switch {
	case err != nil:
		return nil, err
	case n > most:
		return nil, fault.Errorf(fault.Invalid, "grpcapi: got a request of more than %d bytes when decompressed, want at most as many", most)
	}
	return data[:n], nil
}

// expect gives the next bytes the time of timeouts.receive.
func (c *call) expect() {
	c.fresh = 0
	c.receiving.Reset(time.Duration(c.engine.Config.Timeout.Receive))
}

// over returns why the call's context has ended.
func (c *call) over() error {
	if f := c.conn.cause.Load(); f != nil {
		return f
	}
	return fault.From(context.Cause(c.ctx))
}

// readError returns why the transport gave no bytes.
func (c *call) readError(err error) error {
	switch {
	case err == io.EOF:
		return err
	case c.ctx.Err() != nil:
		return c.over()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Errorf(fault.Invalid, "grpcapi: the call ended inside a message")
	}
	return &fault.Error{Kind: fault.Canceled, Err: err}
}

// sendError returns why the transport took no message.
func (c *call) sendError(err error) error {
	if c.ctx.Err() != nil {
		return c.over()
	}
	return &fault.Error{Kind: fault.Canceled, Err: err}
}

// firstError returns err, and says what io.EOF means where the first request should be.
func firstError(err error) error {
	if err == io.EOF {
		return fault.Errorf(fault.Invalid, "grpcapi: the call ended without a request")
	}
	return err
}

func errDraining() error { return fault.Errorf(fault.Draining, "the server is stopping") }

func errSlow() error {
	return fault.Errorf(fault.Slow, "the request did not come within timeouts.receive or timeouts.idle")
}
