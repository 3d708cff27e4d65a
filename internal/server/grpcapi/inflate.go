package grpcapi

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// unknownLength is the length of a compressed message, which is known once its end has come.
const unknownLength = -1

const (
	// maxExpansion is how many bytes one byte of DEFLATE can become: two bits are a run of 258 bytes at most
	// (zlib.net/zlib_tech.html).
	maxExpansion = 1032
	inflateBytes = 4 << 10 // compressed bytes that are read at a time
)

// inflater decompresses one message at a time, as its bytes come in. It holds about 50 KiB, however large the message is.
type inflater struct {
	gzip    gzip.Reader
	call    *call // where the compressed bytes come from
	rest    int   // compressed bytes of the message not yet read
	gather  gathered
	allowed int64 // bytes that may still come out
	trusted bool  // whether allowed is what the message says of itself
	total   int64 // bytes that came out
	err     error // why the call gave no more bytes

	buf        [inflateBytes]byte
	in         []byte // buf, or all of the message
	begin, end int    // what of in is not yet decompressed
	next       [1]byte
	peeked     bool // whether next is the message's next byte
}

// inflaters are those that are not in use, and some that are.
type inflaters struct {
	free sync.Pool    // of *inflater
	held atomic.Int64 // bytes of those that exist
}

// inflaterBytes is what an inflater takes, most of it the window and the tables of package flate.
const inflaterBytes = 48 << 10

// get returns an inflater. It is counted until the collector takes it.
func (p *inflaters) get() *inflater {
	if z, ok := p.free.Get().(*inflater); ok {
		return z
	}
	z := new(inflater)
	p.held.Add(inflaterBytes)
	runtime.AddCleanup(z, func(n int64) { p.held.Add(-n) }, inflaterBytes)
	return z
}

// inflate makes fill decompress, until deflated is called: the message that begins has length compressed bytes.
func (c *call) inflate(length int) error {
	z := c.inflaters.get()
	z.call, z.rest, z.in, z.begin, z.end, z.err = c, length, z.buf[:], 0, 0, nil
	c.inflater = z
	if z.err = z.receive(); z.err != nil {
		return z.err
	}
	if c.gathers != nil && z.rest > 0 {
		if z.err = z.gatherRest(c.gathers); z.err != nil {
			return z.err
		}
	}
	return z.restart()
}

// restart begins to decompress. Before that nothing of what was received is gone.
func (z *inflater) restart() error {
	z.begin, z.peeked, z.allowed, z.trusted, z.total = 0, false, math.MaxInt64, false, 0
	if err := z.gzip.Reset(z); err != nil {
		return z.failure(err)
	}
	return nil
}

// gathered is memory that holds a compressed message.
type gathered struct {
	buf   pool.Buf
	grant pool.Grant
	from  *gathering
	bytes int64
}

// gathering is the memory for compressed messages: they are received whole before memory is admitted for what comes out, so that a
// slow caller holds no more than it has sent, and a message is admitted for what it becomes. They have a part of the budget
// together; those that find no room in it, or are large, are decompressed as they come in.
type gathering struct {
	used atomic.Int64
}

const (
	gatherPart = 4  // of the budget is for all such messages
	gatherOne  = 16 // for one
)

// gatherRest receives all of the message, if there is room. The call's first bytes have come.
func (z *inflater) gatherRest(g *gathering) error {
	c, n := z.call, int64(pool.ClassSize(z.end+z.rest))
	budget := c.engine.Pool.Stats().Budget
	if n > budget/gatherOne {
		return nil
	}
	if g.used.Add(n) > budget/gatherPart {
		g.used.Add(-n)
		return nil
	}
	z.gather = gathered{from: g, bytes: n}
	c.receiving.Stop() // The wait for memory is not the caller's.
	grant, err := c.engine.Admit(c.ctx, n, c.order)
	if err != nil {
		return err
	}
	z.gather.grant = grant
	if z.gather.buf, err = c.engine.Pool.Get(z.end + z.rest); err != nil {
		return fault.From(err)
	}
	c.expect()
	all := z.gather.buf.Bytes()
	if err := c.receiveBytes(all[copy(all, z.buf[:z.end]):]); err != nil {
		return err
	}
	z.in, z.end, z.rest = all, len(all), 0
	return nil
}

// release gives the memory back.
func (g *gathered) release() {
	g.buf.Release()
	g.grant.Release()
	if g.from != nil {
		g.from.used.Add(-g.bytes)
	}
	*g = gathered{}
}

// said returns how many bytes come out of a message that has come whole, as it says itself at its end: that is true where it is
// one member, as everybody makes them (RFC 1952, 2.3.1).
func (z *inflater) said() (n int64, ok bool) {
	if z.rest > 0 || z.end < 18 {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint32(z.in[z.end-4:])), true
}

// trust lets no more than n bytes come out of the message. What would is errUntrue.
func (z *inflater) trust(n int64) {
	z.trusted, z.allowed = true, min(z.allowed, n-z.total+1) // One more, to see the end.
}

// errUntrue is that more comes out of a message than it said. It begins again, and is admitted for the most that it can be.
var errUntrue = errors.New("grpcapi: the gzip data has several members")

// inflated is called when a message has been read, or cannot be.
func (c *call) inflated() {
	if z := c.inflater; z != nil {
		z.gather.release()
		z.call, z.in, c.inflater = nil, nil, nil
		c.inflaters.free.Put(z)
	}
}

// More reports whether the compressed message has further bytes.
func (z *inflater) More() (bool, error) {
	if z.peeked {
		return true, nil
	}
	n, err := z.read(z.next[:])
	z.peeked = n == 1
	return z.peeked, err
}

// Fill fills p with the message's next bytes.
func (z *inflater) Fill(p []byte) error {
	if len(p) > 0 && z.peeked {
		p, z.peeked = p[copy(p, z.next[:]):], false
	}
	n, err := z.read(p)
	if err == nil && n < len(p) {
		err = fault.Errorf(fault.Invalid, "grpcapi: the compressed message ends inside a field")
	}
	return err
}

// read fills p as far as the message goes.
func (z *inflater) read(p []byte) (int, error) {
	if int64(len(p)) > z.allowed {
		if z.trusted {
			return 0, errUntrue
		}
		budget := z.call.engine.Pool.Stats().Budget
		return 0, fault.LimitOf("limits.memory_budget", budget+1, budget, "the decompressed request is too large")
	}
	n := 0
	for n < len(p) {
		m, err := z.gzip.Read(p[n:])
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, z.failure(err)
		}
	}
	z.allowed -= int64(n)
	z.total += int64(n)
	return n, nil
}

// failure returns why nothing could be decompressed.
func (z *inflater) failure(err error) error {
	switch {
	case z.err != nil:
		return z.err
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Errorf(fault.Invalid, "grpcapi: the gzip data of the message ends too early, want a whole gzip stream")
	}
	return fault.Errorf(fault.Invalid, "grpcapi: the message is not valid gzip data: %v", err)
}

// ReadByte is part of flate.Reader: package gzip reads no further than it must, and needs no buffer of its own.
func (z *inflater) ReadByte() (byte, error) {
	if err := z.refill(); err != nil {
		return 0, err
	}
	z.begin++
	return z.in[z.begin-1], nil
}

// Read is part of flate.Reader.
func (z *inflater) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := z.refill(); err != nil {
		return 0, err
	}
	n := copy(p, z.in[z.begin:z.end])
	z.begin += n
	return n, nil
}

// refill makes sure that in has bytes. It returns io.EOF at the end of the message.
func (z *inflater) refill() error {
	switch {
	case z.begin < z.end:
		return nil
	case z.err != nil:
		return z.err
	case z.rest == 0:
		return io.EOF
	}
	z.err = z.receive()
	return z.err
}

// receive receives the next compressed bytes into buf.
func (z *inflater) receive() error {
	n := min(z.rest, len(z.buf))
	if err := z.call.receiveBytes(z.buf[:n]); err != nil {
		return err
	}
	z.rest -= n
	z.begin, z.end = 0, n
	return nil
}

// bound returns the most bytes that may still come out of the message, whatever is in it.
func (z *inflater) bound() int64 {
	// 64 KiB are for what package gzip has read of the message and not yet decompressed.
	return (int64(z.rest)+int64(z.end-z.begin))*maxExpansion + 64<<10
}

// admissible returns how many bytes may come out of the message: want, or, where the memory for so many is more than the whole
// budget, as many as fit. Of these it lets no more come out. It is not less than least.
func (z *inflater) admissible(want, least int64, cost func(int64) int64) int64 {
	budget := z.call.engine.Pool.Stats().Budget
	if z.gather.from != nil { // All that wait here hold no more than the rest, and the one that needs most can go on.
		budget -= budget / gatherPart
	}
	n := max(want, least)
	for cost(n) > budget && n > least {
		n = max(n/2, least)
		z.allowed = n
	}
	return n
}
