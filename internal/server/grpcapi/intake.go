package grpcapi

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// intake is what comes in on a connection, between the socket and grpc-go. It takes out what callers send as messages, the payload
// of HTTP/2 DATA frames, and copies it to where a call wants it. grpc-go sees no DATA frames but those that end a stream, and these
// are empty. What it does not see it does not count for flow control either: the intake does that, and the outlet tells the caller.
//
// All else passes as it came, and so does what grpc-go refuses: frames that are too long or have a wrong padding, and data of
// streams that have ended or that no call reads. grpc-go's reading goroutine calls the intake. Calls ask for bytes from theirs.
type intake struct {
	conn    *connection
	buffers *frameBuffers

	// The reading goroutine's own.
	raw      *[]byte // bytes that were read; nil when all of them have been looked at
	at, end  int     // of raw: what has not been looked at
	slack    slackPool
	now      time.Time             // when raw was read
	shown    time.Time             // when grpc-go last got something
	head     [headerBytes + 1]byte // of the frame that begins, and how long its padding is
	have     int                   // bytes of head
	to       *taker                // takes the payload; nil: it passes
	left     int                   // bytes of the payload that follow
	padding  int                   // bytes behind it, which are dropped
	ends     bool                  // whether a header block ends with the frame
	newest   uint32                // the stream whose headers came last
	bare     bool                  // whether nothing follows them
	returned int                   // bytes taken that have not been returned to the connection's window

	mu     sync.Mutex        // guards what follows
	opened uint32            // newest, when grpc-go has just been given its headers; 0: it has read on
	takers map[uint32]*taker // by stream
}

const (
	headerBytes = 9        // of an HTTP/2 frame
	maxFrame    = 16 << 10 // the payload that grpc-go lets an HTTP/2 frame have

	frameData         = 0x0
	frameHeaders      = 0x1
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	// slackBytes are left free in front of what is read, for a header of which a part was read before.
	slackBytes = 16
	// returnConn is how many bytes are returned to a connection's window at a time.
	returnConn = connWindow / 8
	// returnStream is the same of a stream, unless more are wanted than the caller may send.
	returnStream = streamWindow / 4
	// showEvery is how often grpc-go sees something of a caller that sends. Else it would take its machine to be down.
	showEvery = time.Second
)

func newIntake(c *connection, buffers *frameBuffers) *intake {
	return &intake{conn: c, buffers: buffers, takers: map[uint32]*taker{}}
}

// taker takes the payload of one stream, for its call. It holds what comes before the call wants it, as much as streamWindow.
type taker struct {
	in     *intake
	stream uint32
	came   chan struct{} // of capacity 1: receives when what the call wants has come, or no more will

	// in.mu guards what follows.
	held     *[]byte // nil: nothing
	from, to int     // of held
	want     []byte  // what is to be filled
	asking   bool    // whether it is
	ended    bool    // the caller sends no more
	left     bool    // the call has ended
	quota    int     // bytes that the caller may send, by flow control
}

// begin returns a taker for the stream whose headers came last. It is for grpc-go's tap handle, which the reading goroutine calls with
// a stream's headers before it reads on. A grpc-go that does otherwise gets nil, and all data.
func (in *intake) begin() *taker {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.opened == 0 {
		return nil
	}
	t := &taker{in: in, stream: in.opened, came: make(chan struct{}, 1), quota: streamWindow, ended: in.bare}
	in.takers[t.stream], in.opened = t, 0
	return t
}

// leave ends the taker, with its call.
func (t *taker) leave() {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	t.asking, t.left = false, true // What is wanted stays so: else it would look filled.
	t.drop()
	if t.in.takers[t.stream] == t {
		delete(t.in.takers, t.stream)
	}
}

// fill fills p with the stream's next bytes. Like io.ReadFull it returns io.EOF where there is none. When ctx, which is the call's, ends, so does fill.
func (t *taker) fill(ctx context.Context, p []byte) error {
	waits, n := t.ask(p)
	if n > 0 {
		t.in.conn.out.owe(t.stream, n)
		t.in.conn.out.settle()
	}
	if !waits {
		return nil
	}
	select {
	case <-t.came:
	case <-ctx.Done():
	}
	switch rest := t.withdraw(); {
	case len(rest) == 0:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case len(rest) < len(p):
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// ask fills p with what is held, and asks for what is missing. It reports whether some is, and how many bytes the caller may send more.
func (t *taker) ask(p []byte) (waits bool, more int) {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	if t.held != nil {
		n := copy(p, (*t.held)[t.from:t.to])
		p = p[n:]
		if t.from += n; t.from == t.to {
			t.drop()
		}
	}
	if waits = len(p) > 0; waits {
		t.want, t.asking = p, true
		if t.ended {
			t.tell()
		}
	}
	more = streamWindow + len(p) - (t.to - t.from) - t.quota
	if more < returnStream && len(p) <= t.quota || t.ended {
		return waits, 0
	}
	t.quota += more
	return waits, more
}

// withdraw ends asking, and returns what has not been filled.
func (t *taker) withdraw() []byte {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	rest := t.want
	t.want, t.asking = nil, false
	return rest
}

// tell tells the call that no more comes of what it wants. in.mu is held, as for what follows.
func (t *taker) tell() {
	if t.asking {
		t.asking = false
		signal(t.came)
	}
}

// take takes the next bytes of the stream.
func (t *taker) take(p []byte) {
	if t.left {
		return
	}
	if t.asking {
		n := copy(t.want, p)
		p = p[n:]
		if t.want = t.want[n:]; len(t.want) == 0 {
			t.tell()
		}
	}
	if len(p) > 0 {
		t.hold(p)
	}
}

// hold holds p behind what is held.
func (t *taker) hold(p []byte) {
	n := t.to - t.from
	if t.held == nil || len(*t.held)-t.to < len(p) {
		size := n + len(p)
		room := t.in.buffers.Get(max(size, min(2*size, streamWindow)))
		*room = (*room)[:cap(*room)]
		if t.held != nil {
			copy(*room, (*t.held)[t.from:t.to])
			t.in.buffers.Put(t.held)
		}
		t.held, t.from, t.to = room, 0, n
	}
	t.to += copy((*t.held)[t.to:], p)
}

// drop drops what is held.
func (t *taker) drop() {
	if t.held != nil {
		t.in.buffers.Put(t.held)
		t.held, t.from, t.to = nil, 0, 0
	}
}

// read returns a buffer from pool with the next bytes for grpc-go.
func (in *intake) read(size int, pool mem.BufferPool) (*[]byte, int, error) {
	in.mu.Lock()
	in.opened = 0
	in.mu.Unlock()
	for {
		if in.raw == nil {
			in.slack.pool = pool
			_, n, err := in.conn.readOnReady(size, &in.slack)
			if err != nil {
				return nil, 0, err
			}
			in.raw, in.at, in.end, in.now = in.slack.whole, slackBytes, slackBytes+n, time.Now()
		}
		n := in.sift(*in.raw)
		if n > 0 {
			in.shown = in.now
		}
		if in.returned >= returnConn {
			in.conn.out.owe(0, in.returned)
			in.conn.out.settle()
			in.returned = 0
		}
		if in.ends && in.left == 0 {
			in.ends = false
			in.mu.Lock()
			in.opened = in.newest
			in.mu.Unlock()
		}
		buf := in.raw
		if in.at == in.end {
			in.raw = nil
			if n > 0 {
				return buf, n, nil
			}
			pool.Put(buf)
			continue
		}
		buf = pool.Get(max(size, n)) // The rest of raw is for when grpc-go has seen the headers.
		copy(*buf, (*in.raw)[:n])
		return buf, n, nil
	}
}

// sift looks at buf[in.at:in.end], and moves what passes to the beginning of buf. It returns how much that is. It stops where a header
// block has ended.
func (in *intake) sift(buf []byte) (n int) {
	for in.at < in.end {
		next := buf[in.at:in.end]
		switch {
		case in.left > 0 && in.to != nil:
			next = next[:min(len(next), in.left)]
			in.mu.Lock()
			in.to.take(next)
			in.mu.Unlock()
			in.at, in.left = in.at+len(next), in.left-len(next)
			if in.left == 0 {
				n += in.taken(buf[n:])
			}
			continue
		case in.left > 0:
			k := copy(buf[n:], next[:min(len(next), in.left)])
			n, in.at, in.left = n+k, in.at+k, in.left-k
		case in.padding > 0:
			k := min(len(next), in.padding)
			in.at, in.padding = in.at+k, in.padding-k
			continue
		default:
			k := copy(in.head[in.have:in.headSize()], next)
			in.at, in.have = in.at+k, in.have+k
			if in.have < in.headSize() {
				continue
			}
			in.frame()
			switch {
			case in.to == nil:
				n += copy(buf[n:], in.head[:in.have])
			case in.left == 0:
				n += in.taken(buf[n:])
			}
			in.have = 0
		}
		if in.ends && in.left == 0 {
			return n
		}
	}
	return n
}

// headSize returns how many bytes of the frame that begins must be known.
func (in *intake) headSize() int {
	if in.have >= headerBytes && in.head[3] == frameData && in.head[4]&flagPadded != 0 && in.length() > 0 {
		return headerBytes + 1
	}
	return headerBytes
}

// length returns how many bytes follow the header.
func (in *intake) length() int { return int(in.head[0])<<16 | int(in.head[1])<<8 | int(in.head[2]) }

// frame looks at the header of a frame, and decides what becomes of it.
func (in *intake) frame() {
	length, kind, flags, stream := in.length(), in.head[3], in.head[4], binary.BigEndian.Uint32(in.head[5:])&(1<<31-1)
	in.to, in.left, in.padding, in.ends = nil, length-(in.have-headerBytes), 0, false
	switch kind {
	case frameHeaders:
		in.newest, in.bare = stream, flags&flagEndStream != 0
		in.ends = flags&flagEndHeaders != 0
		return
	case frameContinuation:
		in.ends = flags&flagEndHeaders != 0
		return
	case frameData:
	default:
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	t := in.takers[stream]
	if t == nil || t.ended || length > maxFrame {
		return
	}
	if flags&flagPadded != 0 {
		padding := int(in.head[headerBytes])
		if length < 1+padding {
			return
		}
		in.padding = padding
		in.left -= padding
	}
	if t.quota -= length; t.quota < 0 {
		in.conn.hangUp(fault.Errorf(fault.Invalid, "grpcapi: more was sent than flow control allows"))
	}
	in.returned += length
	in.to = t
}

// taken is called when a payload was taken. It writes to p what grpc-go is to see of the frame, and returns how much.
func (in *intake) taken(p []byte) int {
	t := in.to
	in.to = nil
	flags := in.head[4] & flagEndStream
	if flags != 0 {
		in.mu.Lock()
		t.ended = true
		t.tell()
		in.mu.Unlock()
	} else if in.now.Sub(in.shown) < showEvery {
		return 0
	}
	in.shown = in.now
	return copy(p, append([]byte{0, 0, 0, frameData, flags}, in.head[5:headerBytes]...))
}

// slackPool gives buffers of its pool without their first bytes.
type slackPool struct {
	pool  mem.BufferPool
	whole *[]byte
	rest  []byte // of whole
}

// Get is part of mem.BufferPool.
func (s *slackPool) Get(n int) *[]byte {
	s.whole = s.pool.Get(n)
	s.rest = (*s.whole)[slackBytes:]
	return &s.rest
}

// Put is part of mem.BufferPool.
func (s *slackPool) Put(*[]byte) { s.pool.Put(s.whole) }

// takenReader is a taker as a pieceReader.
type takenReader struct {
	pieceReader
	taker *taker
	ctx   context.Context
}

// ReadMessageHeader is part of pieceReader.
func (r *takenReader) ReadMessageHeader(p []byte) error { return r.taker.fill(r.ctx, p) }
