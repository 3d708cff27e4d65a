package grpcapi

import (
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// pieceOut is how much of a JPEG grpc-go gives back at a time, so that progress within a large one can be seen.
	pieceOut = 32 << 10
	// minLent is the least that is lent to grpc-go: what is smaller is copied. grpc-go does not say when it is done with
	// buffers of up to 1 KiB.
	minLent = 2 << 10
)

// delivery is one message on its way to the caller. JPEGs are not copied: grpc-go reads them from the pool's buffers, and
// gives each piece back when it has written it to the socket (mem.BufferPool.Put). When all pieces are back, the message
// has left. A delivery is used again for one message after the other, by one goroutine:
//
//	begin, then bytes, data and the like, seal, send, and when the message has left, again begin.
type delivery struct {
	out  outgoing
	held *held
	left func() // called once for each message, when it has left, from any goroutine; it must not wait

	buffers mem.BufferSlice
	pieces  [][]byte // of the message: parts of small, and JPEGs
	small   []byte   // everything but the JPEGs
	marked  int      // bytes of small that are in pieces
}

// newDelivery returns a delivery for calls of c. sending is as of held.
func newDelivery(c *connection, sending *engine.Sending, left func()) *delivery {
	d := &delivery{left: left, held: c.newHeld(sending)}
	// grpc-go forgets a message without giving it back when its stream has ended a moment before the message was queued
	// (internal/transport, loopyWriter.preprocessData). Nothing points to the delivery then.
	runtime.AddCleanup(d, (*held).drop, d.held)
	return d
}

// begin starts a message with room for so many bytes that are not lent.
func (d *delivery) begin(small int) {
	if small += tailRoom; cap(d.small) < small {
		d.small = make([]byte, 0, small)
	}
	d.small, d.pieces, d.marked = d.small[:0], d.pieces[:0], 0
}

// tailRoom is the room behind the last small piece, so that its capacity tells grpc-go to give it back.
const tailRoom = minLent

// lends reports whether data of n bytes is lent, and not copied.
func lends(n int) bool { return n >= minLent }

// data adds p to the message, which borrows it until it has left, unless lends says otherwise.
func (d *delivery) data(p []byte) {
	if !lends(len(p)) {
		d.small = append(d.small, p...)
		return
	}
	d.mark()
	for len(p) > 0 {
		n := pieceOut
		if len(p) < n+minLent {
			n = len(p)
		}
		d.pieces = append(d.pieces, p[:n])
		p = p[n:]
	}
}

// mark ends a piece of small.
func (d *delivery) mark() {
	if len(d.small) > d.marked {
		d.pieces = append(d.pieces, d.small[d.marked:])
		d.marked = len(d.small)
	}
}

// seal ends the message and returns what is sent. Until it has left, bufs and grant are held, which are then released; it
// takes them. size is what the message keeps in memory.
func (d *delivery) seal(bufs []pool.Buf, grant pool.Grant, size int64) *outgoing {
	d.mark()
	d.held.take(bufs, grant, int32(max(len(d.pieces), 1)), size)
	d.buffers = d.buffers[:0]
	for i := range d.pieces {
		d.buffers = append(d.buffers, mem.NewBuffer(&d.pieces[i], d))
	}
	d.out.data = d.buffers
	return &d.out
}

// sent is called with the outcome of SendMsg. ended says that the call has ended meanwhile.
func (d *delivery) sent(err error, ended bool) {
	switch {
	case d.out.data != nil: // It was never asked for.
		d.out.data.Free()
		d.out.data = nil
	case d.held.conn.silent.Load(): // Nobody will read it.
		d.held.drop()
	case ended && err == nil:
		d.held.doubtful.Store(true)
	}
	if len(d.pieces) == 0 {
		d.Put(nil)
	}
}

// Get is part of mem.BufferPool, and not called.
func (d *delivery) Get(n int) *[]byte { b := make([]byte, n); return &b }

// Put is part of mem.BufferPool. grpc-go gives back a piece that it has written.
func (d *delivery) Put(*[]byte) {
	if d.held.pieces.Add(-1) == 0 {
		d.held.release()
		d.left()
		return
	}
	if d.held.sending != nil {
		d.held.sending.Moved()
	}
}

// waiting returns how many pieces of the message have not left.
func (d *delivery) waiting() int { return int(d.held.pieces.Load()) }

// held is what one message on its way holds. It does not point to its delivery, so that a forgotten delivery is found.
type held struct {
	conn     *connection
	pieces   atomic.Int32    // of the message, that have not left
	message  atomic.Uint64   // how many there were
	size     atomic.Int64    // bytes in memory
	doubtful atomic.Bool     // grpc-go may have forgotten the message
	sending  *engine.Sending // nil: conn's watchdog does not end the connection when it takes too long

	mu    sync.Mutex
	bufs  []pool.Buf
	grant pool.Grant
	idle  bool // no further message will come

	// The watchdog's own.
	watched progress
}

// take holds bufs and grant for a message of so many pieces.
func (h *held) take(bufs []pool.Buf, grant pool.Grant, pieces int32, size int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bufs = append(h.bufs[:0], bufs...)
	h.grant = grant
	h.size.Store(size)
	h.conn.unsent.Add(size)
	if h.sending != nil {
		h.sending.Begin(size)
	}
	h.message.Add(1)
	h.pieces.Store(pieces)
}

// release gives back what the message holds. A second call does nothing.
func (h *held) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.bufs {
		h.bufs[i].Release()
		h.bufs[i] = pool.Buf{}
	}
	h.bufs = h.bufs[:0]
	h.grant.Release()
	h.grant = pool.Grant{}
	h.conn.unsent.Add(-h.size.Swap(0))
	if h.sending != nil {
		h.sending.End()
	}
	h.doubtful.Store(false)
	if h.idle {
		h.conn.forget(h)
	}
}

// drop releases what a message holds that grpc-go has forgotten: its connection, or its delivery, is gone.
func (h *held) drop() {
	h.pieces.Store(0)
	h.release()
}

// retire says that no further message will come.
func (h *held) retire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.idle = true; h.pieces.Load() == 0 {
		h.conn.forget(h)
	}
}

// signal leaves a token in c, which has a capacity of 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// The appends below add to small what protobuf has on the wire.

func (d *delivery) varint(field protowire.Number, v uint64) {
	if v != 0 {
		d.small = protowire.AppendVarint(protowire.AppendTag(d.small, field, protowire.VarintType), v)
	}
}

// varints adds fields that follow one another in their numbers.
func (d *delivery) varints(first protowire.Number, values []uint64) {
	for i, v := range values {
		d.varint(first+protowire.Number(i), v)
	}
}

func (d *delivery) fixed64(field protowire.Number, v uint64) {
	if v != 0 {
		d.small = protowire.AppendFixed64(protowire.AppendTag(d.small, field, protowire.Fixed64Type), v)
	}
}

// length adds the tag and length of a length-delimited field.
func (d *delivery) length(field protowire.Number, n int) {
	d.small = protowire.AppendVarint(protowire.AppendTag(d.small, field, protowire.BytesType), uint64(n))
}

// text adds a string field.
func (d *delivery) text(field protowire.Number, s string) {
	if s != "" {
		d.length(field, len(s))
		d.small = append(d.small, s...)
	}
}

// varintSize returns the bytes of a varint field: none for zero, which is not sent.
func varintSize(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

// varintsSize returns the bytes of varints.
func varintsSize(first protowire.Number, values []uint64) int {
	n := 0
	for i, v := range values {
		n += varintSize(first+protowire.Number(i), v)
	}
	return n
}

// bytesSize returns the bytes of a length-delimited field of n bytes: none for an empty one, which is not sent.
func bytesSize(field protowire.Number, n int) int {
	if n == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}
