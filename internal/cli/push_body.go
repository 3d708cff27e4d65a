package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

// pushFrame is a frame on its way to the server: raw or a JPEG. Who has it releases it.
type pushFrame struct {
	frame frame.Frame
	jpeg  pool.Buf
}

func (f *pushFrame) release() {
	f.frame.Release()
	f.jpeg.Release()
	*f = pushFrame{}
}

// query returns what the frame is, as POST /v1/streams wants to be told; nothing for a JPEG.
func (f *pushFrame) query() url.Values {
	if !f.frame.Owned() {
		return nil
	}
	return rawQuery(f.frame.Desc)
}

// part returns the bytes of the i-th part, or nil after the last one: the planes follow each other on the wire.
func (f *pushFrame) part(i int) []byte {
	if f.frame.Owned() {
		if planes := f.frame.Planes(); i < len(planes) {
			return planes[i].Pix // The planes of frames from a stream have no gaps.
		}
		return nil
	}
	if i == 0 {
		return f.jpeg.Bytes()
	}
	return nil
}

// errStalled says that a connection took nothing, or brought no response, for stallTime.
var errStalled = fmt.Errorf("no sign of the server for %s", stallTime)

// stallTime is how long a connection may take nothing.
const stallTime = 10 * time.Second

// pushBody is the body of one request: frames as they come, to the end of the input or of the connection. It holds the
// frame that is being sent.
type pushBody struct {
	run    *pushRun
	ctx    context.Context    // of the request
	cancel context.CancelFunc // ends ctx, so that a Read that waits returns
	stall  *time.Timer        // ends ctx when nothing is read for too long

	mu      sync.Mutex // held by a Read: the transport may go on reading while the request is over for its caller
	over    bool       // whether nothing is to be read any more
	current pushFrame
	busy    bool       // whether some of current was not read yet
	part    int        // of current
	rest    []byte     // of the part
	desc    frame.Desc // of all frames, when they are raw
	reason  bodyEnd    // why there is no more
}

// newPushBody returns a body that begins with f, which it takes.
func newPushBody(ctx context.Context, run *pushRun, f pushFrame) *pushBody {
	b := &pushBody{run: run, desc: f.frame.Desc}
	b.begin(f)
	var cancel context.CancelCauseFunc
	b.ctx, cancel = context.WithCancelCause(ctx)
	b.cancel = func() { cancel(context.Canceled) }
	b.stall = time.AfterFunc(stallTime, func() { cancel(errStalled) })
	return b
}

// begin makes f the frame that is read next.
func (b *pushBody) begin(f pushFrame) { b.current, b.busy, b.part, b.rest = f, true, 0, f.part(0) }

// Read is part of io.Reader. It returns what there is of a frame at once.
func (b *pushBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stall.Stop()
	if b.over {
		return 0, context.Canceled
	}
	if b.reason != bodyCut {
		return 0, io.EOF
	}
	if !b.busy {
		if err := b.next(); err != nil {
			b.stall.Reset(stallTime) // for the response
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.run.meter.bytes.Add(int64(n))
	if len(b.rest) == 0 {
		b.part++
		if b.rest = b.current.part(b.part); b.rest == nil {
			b.current.release()
			b.busy = false
			b.run.sent()
		}
	}
	b.stall.Reset(stallTime)
	return n, nil
}

// next waits for another frame.
func (b *pushBody) next() error {
	select {
	case f, ok := <-b.run.frames:
		if ok {
			b.begin(f)
			if f.frame.Desc != b.desc {
				b.reason = formatChanged
				return io.EOF
			}
			return nil
		}
	case <-b.run.interrupt:
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
	b.reason = inputEnded
	return io.EOF
}

// Close is part of io.Closer.
func (b *pushBody) Close() error { return nil }

// end makes every Read return, and returns the frame that was not read whole, if there is one.
func (b *pushBody) end() (unsent pushFrame, ok bool) {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.stall.Stop()
	return b.current, b.busy
}
