package grpcapi

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
)

// outlet is what goes out on a connection: what grpc-go writes, and between its HTTP/2 frames updates of windows, for bytes that
// grpc-go has not seen. What is written of a frame's end and of an update goes out at once, so that neither is inside the other.
type outlet struct {
	conn  net.Conn
	ready readyWriter // nil: conn is none
	due   atomic.Bool // whether updates are to be written
	late  atomic.Bool // whether a goroutine waits until it can write them

	writing sync.Mutex // held while something is written; guards what follows
	frame   position   // of what grpc-go has written
	updates []byte     // that have not been written; room is its whole array
	room    []byte

	mu   sync.Mutex // guards what follows
	owed []update
}

// update is an update of a window.
type update struct {
	stream uint32 // 0: the connection
	bytes  uint32
}

// readyWriter is a connection that can write without waiting. It returns how much of p the system took, which may be nothing.
type readyWriter interface {
	WriteReady(p []byte) (int, error)
}

// newOutlet returns the outlet of a connection.
func newOutlet(c net.Conn) *outlet {
	ready, _ := c.(readyWriter)
	return &outlet{conn: c, ready: ready}
}

// owe notes that so many bytes are to be returned to a window.
func (o *outlet) owe(stream uint32, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due.Store(true)
	for i := range o.owed {
		if o.owed[i].stream == stream {
			o.owed[i].bytes += uint32(bytes)
			return
		}
	}
	o.owed = append(o.owed, update{stream, uint32(bytes)})
}

// gather makes frames of what is owed. writing is held.
func (o *outlet) gather() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.updates) == 0 {
		o.updates = o.room[:0]
	}
	for _, u := range o.owed {
		o.updates = append(o.updates, 0, 0, 4, frameWindowUpdate, 0)
		o.updates = binary.BigEndian.AppendUint32(o.updates, u.stream)
		o.updates = binary.BigEndian.AppendUint32(o.updates, u.bytes)
	}
	o.room, o.owed = o.updates[:0], o.owed[:0]
	o.due.Store(false)
}

// settle writes what is owed, without waiting. Where grpc-go is writing, or has written a part of a frame, its Write does so at the
// end or with the rest; where the system takes no more, a goroutine waits for it.
func (o *outlet) settle() {
	for o.due.Load() && o.writing.TryLock() {
		inside, done := o.frame.inside(), false
		if !inside {
			done = o.tryUpdates()
		}
		o.writing.Unlock()
		switch {
		case inside:
			return
		case !done:
			o.settleLate()
			return
		}
	}
}

// tryUpdates writes what is owed, as far as it can without waiting, and reports whether that is all. writing is held.
func (o *outlet) tryUpdates() bool {
	if o.ready == nil {
		return false
	}
	o.gather()
	n, err := o.ready.WriteReady(o.updates)
	if o.updates = o.updates[n:]; err != nil {
		o.updates = nil // The connection has ended.
	}
	if len(o.updates) > 0 {
		o.due.Store(true)
		return false
	}
	return true
}

// writeUpdates writes what is owed. writing is held.
func (o *outlet) writeUpdates() error {
	o.gather()
	_, err := o.conn.Write(o.updates)
	o.updates = nil
	return err
}

// settleLate is settle that waits, on a goroutine of its own. It ends with the connection.
func (o *outlet) settleLate() {
	if o.late.Swap(true) {
		return
	}
	go func() {
		o.writing.Lock()
		if !o.frame.inside() {
			_ = o.writeUpdates() // Whoever reads or writes next sees what is wrong.
		}
		o.writing.Unlock()
		o.late.Store(false)
		o.settle()
	}()
}

// Write writes what grpc-go writes, and what is owed where a frame ends.
func (o *outlet) Write(p []byte) (written int, err error) {
	o.writing.Lock()
	for len(p) > 0 && err == nil {
		part := p
		if o.due.Load() {
			if !o.frame.inside() {
				if err = o.writeUpdates(); err != nil {
					break
				}
			}
			next := o.frame
			part = p[:next.advance(p)]
		}
		var n int
		n, err = o.conn.Write(part)
		o.frame.follow(p[:n])
		written, p = written+n, p[n:]
	}
	o.writing.Unlock()
	if err == nil {
		o.settle()
	}
	return written, err
}

// position is a place in a stream of HTTP/2 frames.
type position struct {
	head  [5]byte // of the frame's header: its length, kind and flags
	have  int     // bytes of the header
	left  int     // bytes of the payload that follow
	block bool    // whether a header block goes on with the next frame, before which no other may be
}

// inside reports whether the position is inside a frame or a header block.
func (p *position) inside() bool { return p.have > 0 || p.left > 0 || p.block }

// advance goes over data as far as the end of a frame, and returns how far that is.
func (p *position) advance(data []byte) int {
	at := 0
	for p.left == 0 && at < len(data) {
		if p.have < len(p.head) {
			p.head[p.have] = data[at]
		}
		p.have++
		at++
		if p.have == headerBytes {
			p.have, p.left = 0, int(p.head[0])<<16|int(p.head[1])<<8|int(p.head[2])
			p.block = (p.head[3] == frameHeaders || p.head[3] == frameContinuation) && p.head[4]&flagEndHeaders == 0
			break
		}
	}
	n := min(p.left, len(data)-at)
	if p.have == 0 {
		p.left -= n
		at += n
	}
	return at
}

// follow goes over all of data.
func (p *position) follow(data []byte) {
	for len(data) > 0 {
		data = data[p.advance(data):]
	}
}
