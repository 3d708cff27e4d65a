package grpcapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// played is a connection that gives what a test has for it, a part at a time, and keeps what is written to it.
type played struct {
	net.Conn
	parts [][]byte
	out   bytes.Buffer
}

func (p *played) ReadOnReady(size int, pool conn.BufferPool) (*[]byte, int, error) {
	if len(p.parts) == 0 {
		return nil, 0, io.EOF
	}
	buf := pool.Get(size)
	n := copy(*buf, p.parts[0])
	if p.parts[0] = p.parts[0][n:]; len(p.parts[0]) == 0 {
		p.parts = p.parts[1:]
	}
	return buf, n, nil
}

func (p *played) Write(b []byte) (int, error)      { return p.out.Write(b) }
func (p *played) WriteReady(b []byte) (int, error) { return p.out.Write(b) }
func (p *played) Close() error                     { p.parts = nil; return nil }

// newPlayed returns a connection for grpc-go of one that gives these parts.
func newPlayed(parts ...[]byte) (*connection, *played) {
	p := &played{parts: parts}
	c := &connection{Conn: p, held: map[*held]struct{}{}}
	c.in, c.out = newIntake(c, newFrameBuffers()), newOutlet(p)
	return c, p
}

// sent is an HTTP/2 frame.
type sent struct {
	kind, flags uint8
	stream      uint32
	payload     []byte // with padding
}

func (f sent) bytes() []byte {
	b := []byte{byte(len(f.payload) >> 16), byte(len(f.payload) >> 8), byte(len(f.payload)), f.kind, f.flags}
	return append(binary.BigEndian.AppendUint32(b, f.stream), f.payload...)
}

// data returns what of a DATA frame is no padding, and whether the padding is right.
func (f sent) data() ([]byte, bool) {
	if f.flags&flagPadded == 0 {
		return f.payload, true
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return nil, false
	}
	return f.payload[1 : len(f.payload)-int(f.payload[0])], true
}

// framesOf makes frames of what a fuzzer has: no stream has more data than a window.
func framesOf(script []byte) (frames []sent) {
	room := map[uint32]int{}
	for fill := byte(1); len(script) >= 4; script = script[4:] {
		kind, where, size, more := script[0], script[1], script[2], script[3]
		f := sent{stream: uint32(where%5) | 1, payload: make([]byte, int(size)*int(more%3))}
		for i := range f.payload {
			f.payload[i] = fill
			fill = fill*5 + 1
		}
		switch kind % 8 {
		case 0:
			f.kind, f.flags = frameHeaders, more&(flagEndHeaders|flagEndStream)
		case 1:
			f.kind, f.flags = frameContinuation, more&flagEndHeaders
		case 2:
			f.kind, f.flags = kind>>3, more // of any kind
			if f.kind == frameData || f.kind == frameHeaders {
				f.kind = 0x4
			}
		case 3:
			f.kind, f.payload = frameData, bytes.Repeat(f.payload, 40)
			f.payload = f.payload[:min(len(f.payload), maxFrame+1)]
		default:
			f.kind, f.flags = frameData, more&(flagEndStream|flagPadded)
			if f.flags&flagPadded != 0 && len(f.payload) > 0 && kind&8 == 0 {
				f.payload[0] = byte(int(f.payload[0]) % len(f.payload)) // It is right.
			}
		}
		if f.kind == frameData {
			if room[f.stream]+len(f.payload) > streamWindow {
				continue
			}
			room[f.stream] += len(f.payload)
		}
		frames = append(frames, f)
	}
	return frames
}

// FuzzIntake: whatever comes in, in whatever parts, calls get the data of their streams, and grpc-go all else: as it came, but
// for the frames that end a stream, without their data. http2.Framer, which is grpc-go's, reads it.
func FuzzIntake(f *testing.F) {
	f.Add([]byte("\x00\x01\x05\x04\x04\x01\xff\x02\x04\x01\x30\x01\x04\x00\x30\x01"), uint64(1))
	f.Add([]byte("\x00\x01\x05\x00\x01\x01\x05\x04\x04\x01\x20\x0a\x0c\x01\x20\x0a\x04\x01\x20\x08\x04\x01\x20\x08"), uint64(2))
	f.Add([]byte("\x00\x01\x05\x04\x03\x01\xff\x02\x03\x01\xff\x01\x03\x01\xff\x02\x04\x01\x00\x01"), uint64(3))
	f.Add([]byte("\x00\x01\x05\x04\x00\x03\x05\x04\x04\x01\x80\x02\x04\x03\x40\x02\x04\x01\x80\x01\x04\x01\x80\x01\x02\x00\x09\x01"), uint64(4))
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		frames := framesOf(script)
		var parts [][]byte
		var all []byte
		for _, f := range frames {
			all = append(all, f.bytes()...)
		}
		for len(all) > 0 {
			n := min(len(all), 1+rng.IntN(1<<rng.IntN(17)))
			parts, all = append(parts, all[:n]), all[n:]
		}
		want, data := expected(frames)

		c, played := newPlayed(parts...)
		got := map[uint32][]byte{}
		takers := map[uint32]*taker{}
		asked := map[uint32][]byte{}
		collect := func(stream uint32) {
			taker := takers[stream]
			if p := asked[stream]; p != nil && len(taker.came) > 0 {
				<-taker.came
				rest := taker.withdraw()
				got[stream] = append(got[stream], p[:len(p)-len(rest)]...)
				asked[stream] = nil
			}
		}
		var out []byte
		for {
			buf, n, err := c.ReadOnReady(slackBytes+1+rng.IntN(64<<10), mem.NopBufferPool{})
			if err != nil {
				break
			}
			out = append(out, (*buf)[:n]...)
			if taker := c.in.begin(); taker != nil {
				if takers[taker.stream] == nil && taker.stream != 5 {
					takers[taker.stream] = taker
				} else { // of no call of ours: trailers
					c.in.mu.Lock()
					delete(c.in.takers, taker.stream)
					if old := takers[taker.stream]; old != nil {
						c.in.takers[taker.stream] = old
					}
					c.in.mu.Unlock()
				}
			}
			for stream, taker := range takers {
				collect(stream)
				for asked[stream] == nil && rng.IntN(2) == 0 {
					p := make([]byte, 1+rng.IntN(20<<10))
					waits, _ := taker.ask(p)
					if asked[stream] = p; !waits {
						got[stream], asked[stream] = append(got[stream], p...), nil
					}
				}
			}
		}
		for stream, taker := range takers {
			collect(stream)
			if p := asked[stream]; p != nil {
				got[stream] = append(got[stream], p[:len(p)-len(taker.withdraw())]...)
			}
			if taker.held != nil {
				got[stream] = append(got[stream], (*taker.held)[taker.from:taker.to]...)
			}
			if !bytes.Equal(got[stream], data[stream]) {
				t.Errorf("stream %d: got %d bytes, want the %d that were sent", stream, len(got[stream]), len(data[stream]))
			}
		}
		if c.cause.Load() != nil {
			t.Errorf("got %v, want the connection to go on", c.cause.Load())
		}
		if len(takers) > 0 && played.out.Len() > 0 {
			t.Errorf("got %d bytes written, want none: nobody has called settle", played.out.Len())
		}
		if out = withoutEmpty(out); !bytes.Equal(out, want) {
			t.Errorf("grpc-go gets %d bytes, want %d:\n%x\n%x", len(out), len(want), out, want)
		}
	})
}

// expected returns what grpc-go is to see of frames, and the data of streams 1 and 3, which calls read from their first headers on.
func expected(frames []sent) (pass []byte, data map[uint32][]byte) {
	data = map[uint32][]byte{}
	var opening uint32
	bare := false
	taken, ended := map[uint32]bool{}, map[uint32]bool{}
	for _, f := range frames {
		switch f.kind {
		case frameHeaders:
			opening, bare = f.stream, f.flags&flagEndStream != 0
			fallthrough
		case frameContinuation:
			if f.flags&flagEndHeaders != 0 && opening != 0 && opening != 5 && !taken[opening] {
				taken[opening], ended[opening] = true, bare
			}
		case frameData:
			payload, ok := f.data()
			if !taken[f.stream] || ended[f.stream] || !ok || len(f.payload) > maxFrame {
				break
			}
			data[f.stream] = append(data[f.stream], payload...)
			if ended[f.stream] = f.flags&flagEndStream != 0; ended[f.stream] {
				pass = append(pass, sent{flags: flagEndStream, stream: f.stream}.bytes()...)
			}
			continue
		}
		pass = append(pass, f.bytes()...)
	}
	return withoutEmpty(pass), data
}

// withoutEmpty returns frames without empty DATA frames that end nothing: whether those pass depends on the time.
func withoutEmpty(frames []byte) (out []byte) {
	for len(frames) >= headerBytes {
		n := headerBytes + (int(frames[0])<<16 | int(frames[1])<<8 | int(frames[2]))
		f := frames[:min(n, len(frames))]
		if n > headerBytes || f[3] != frameData || f[4]&flagEndStream != 0 {
			out = append(out, f...)
		}
		frames = frames[len(f):]
	}
	return append(out, frames...)
}

// opened returns a connection with stream 1, and its taker.
func opened(t *testing.T, frames ...sent) (*connection, *played, *taker) {
	t.Helper()
	parts := [][]byte{sent{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: []byte("headers")}.bytes()}
	for _, f := range frames {
		parts = append(parts, f.bytes())
	}
	headers := len(parts[0])
	c, p := newPlayed(parts...)
	if _, n, err := c.ReadOnReady(readBuffer, mem.NopBufferPool{}); err != nil || n != headers {
		t.Fatalf("got %d bytes, %v, want the headers, %d bytes", n, err, headers)
	}
	taker := c.in.begin()
	if taker == nil || taker.stream != 1 {
		t.Fatalf("got taker %+v, want that of stream 1", taker)
	}
	if again := c.in.begin(); again != nil {
		t.Error("got a second taker for the same headers")
	}
	return c, p, taker
}

// readAll is grpc-go's reading goroutine.
func readAll(c *connection) (n int, err error) {
	for {
		_, some, err := c.ReadOnReady(readBuffer, mem.NopBufferPool{})
		if err != nil {
			return n, err
		}
		n += some
	}
}

// TestTakerAtTheEnd: a call gets what was sent, then io.EOF between messages and io.ErrUnexpectedEOF inside of one, as from grpc-go.
func TestTakerAtTheEnd(t *testing.T) {
	c, _, taker := opened(t, sent{stream: 1, payload: []byte("12345")}, sent{flags: flagEndStream, stream: 1, payload: []byte("678")})
	if _, err := readAll(c); err != io.EOF {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		n    int
		want string
		err  error
	}{{3, "123", nil}, {4, "4567", nil}, {2, "8\x00", io.ErrUnexpectedEOF}, {1, "\x00", io.EOF}, {1, "\x00", io.EOF}} {
		p := make([]byte, tt.n)
		if err := taker.fill(t.Context(), p); err != tt.err || string(p) != tt.want {
			t.Errorf("got %q, %v, want %q, %v", p, err, tt.want, tt.err)
		}
	}
	if c.in.buffers.held.Load() == 0 || taker.held != nil {
		t.Error("got no counted buffer, or one that is still held, want neither")
	}
}

// TestTakerOfBareHeaders: headers may be all that a caller sends.
func TestTakerOfBareHeaders(t *testing.T) {
	c, _ := newPlayed(sent{kind: frameHeaders, flags: flagEndHeaders | flagEndStream, stream: 1}.bytes())
	if _, n, err := c.ReadOnReady(readBuffer, mem.NopBufferPool{}); err != nil || n != headerBytes {
		t.Fatalf("got %d bytes, %v, want the headers", n, err)
	}
	if err := c.in.begin().fill(t.Context(), make([]byte, 5)); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

// TestTakerWithItsCall: where the call ends, reading does, and nothing is written any more to where it wanted its bytes.
func TestTakerWithItsCall(t *testing.T) {
	frame := sent{stream: 1, payload: bytes.Repeat([]byte{7}, 100)}
	c, p, taker := opened(t)
	ctx, cancel := context.WithCancel(t.Context())
	want := make([]byte, 1000)
	waits, _ := taker.ask(want)
	p.parts = [][]byte{frame.bytes()[:50]}
	if _, err := readAll(c); err != io.EOF || !waits || want[0] != 7 {
		t.Fatalf("got %v, and %v bytes, want the first of the frame", err, want[:3])
	}
	cancel()
	taker.leave()
	if err := taker.fill(ctx, want); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	clear(want)
	p.parts = [][]byte{frame.bytes()[50:], frame.bytes()}
	n, err := readAll(c)
	if err != io.EOF || n != len(frame.bytes()) {
		t.Errorf("grpc-go got %d bytes, %v, want the second frame of the stream, which nobody takes", n, err)
	}
	if !bytes.Equal(want, make([]byte, len(want))) || taker.held != nil {
		t.Error("got bytes that were taken after the call's end, want none")
	}
}

// TestTakerThatItsCallLeaves: a call that ends while it waits for the rest of a frame does not take it for a whole one, also where its
// taker has left before it looks.
func TestTakerThatItsCallLeaves(t *testing.T) {
	c, p, taker := opened(t)
	ctx, cancel := context.WithCancel(t.Context())
	filled := make(chan error)
	go func() { filled <- taker.fill(ctx, make([]byte, 1000)) }()
	for asking := false; !asking; runtime.Gosched() {
		c.in.mu.Lock()
		asking = taker.asking
		c.in.mu.Unlock()
	}
	p.parts = [][]byte{sent{stream: 1, payload: make([]byte, 500)}.bytes()}
	if _, err := readAll(c); err != io.EOF {
		t.Fatal(err)
	}
	taker.leave()
	cancel()
	if err := <-filled; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v for half a frame, want context.Canceled", err)
	}
}

// TestIntakeFlowControl: the caller may send streamWindow bytes more than the call wants, is told so once for a large frame, and may not send
// more. What it sends returns to the connection's window too.
func TestIntakeFlowControl(t *testing.T) {
	c, p, taker := opened(t)
	full := sent{stream: 1, payload: make([]byte, maxFrame)}.bytes()
	p.parts = [][]byte{full, full, full, sent{stream: 1, payload: make([]byte, maxFrame-1)}.bytes()}
	if _, err := readAll(c); err != io.EOF || p.out.Len() > 0 {
		t.Fatalf("got %v and %d bytes written, want the window filled", err, p.out.Len())
	}
	if held := c.in.buffers.held.Load(); held > 2*streamWindow {
		t.Errorf("got %d bytes of buffers, want at most %d", held, 2*streamWindow)
	}
	filled := make(chan error, 1)
	const large = 1 << 20
	go func() { filled <- taker.fill(t.Context(), make([]byte, large)) }()
	for asking := false; !asking; {
		c.in.mu.Lock()
		asking = taker.asking
		c.in.mu.Unlock()
	}
	p.parts = nil
	for range (large + 1) / maxFrame { // with what is held
		p.parts = append(p.parts, full)
	}
	if _, err := readAll(c); err != io.EOF {
		t.Fatal(err)
	}
	if err := <-filled; err != nil || c.cause.Load() != nil {
		t.Fatalf("got %v, %v, want what was sent", err, c.cause.Load())
	}
	if got := updates(t, p.out.Bytes()); got[1] != large || got[0] != 0 {
		t.Errorf("got updates %v, want %d of stream 1", got, large)
	}
	c.in.returned = returnConn - 1
	p.parts = [][]byte{sent{stream: 1, payload: make([]byte, 1)}.bytes()}
	if _, err := readAll(c); err != io.EOF {
		t.Fatal(err)
	}
	if got := updates(t, p.out.Bytes()); got[0] != returnConn {
		t.Errorf("got updates %v, want %d of the connection", got, returnConn)
	}
	p.parts = [][]byte{full, full, full, full}
	if _, err := readAll(c); err != io.EOF || c.cause.Load() == nil {
		t.Errorf("got %v, %v, want the connection closed: more was sent than may be", err, c.cause.Load())
	}
}

// TestIntakeShowsACaller: grpc-go, which takes a machine that it sees nothing of to be down, sees something each second.
func TestIntakeShowsACaller(t *testing.T) {
	c, p, _ := opened(t)
	frame := sent{stream: 1, payload: make([]byte, 10)}
	for range 3 {
		for _, long := range []bool{false, true} {
			if long {
				c.in.shown = time.Now().Add(-showEvery)
			}
			p.parts = [][]byte{frame.bytes()}
			n, err := readAll(c)
			if want := map[bool]int{true: headerBytes}[long]; err != io.EOF || n != want {
				t.Errorf("a second passed: %v: got %d bytes, %v, want %d", long, n, err, want)
			}
		}
	}
}

// updates returns what the window updates among frames give to each stream.
func updates(t *testing.T, frames []byte) map[uint32]uint32 {
	t.Helper()
	sum := map[uint32]uint32{}
	framer := http2.NewFramer(nil, bytes.NewReader(frames))
	for {
		f, err := framer.ReadFrame()
		if err == io.EOF {
			return sum
		}
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := f.(*http2.WindowUpdateFrame); ok {
			sum[u.StreamID] += u.Increment
		}
	}
}

// slowConn takes a part of what is written without waiting.
type slowConn struct {
	net.Conn
	mu  sync.Mutex
	rng *rand.Rand
	out bytes.Buffer
}

func (s *slowConn) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *slowConn) WriteReady(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p[:s.rng.IntN(len(p)+1)])
}

// TestOutlet: updates of windows go out between grpc-go's frames, never inside one or inside a header block, and none is lost or said
// twice, however the frames are cut into writes, and however little the system takes.
func TestOutlet(t *testing.T) {
	for _, waits := range []bool{false, true} {
		t.Run(fmt.Sprintf("waits=%v", waits), func(t *testing.T) {
			const seed = 11
			rng := rand.New(rand.NewPCG(seed, 0))
			socket := &slowConn{rng: rand.New(rand.NewPCG(seed, 1))}
			o := newOutlet(socket)
			if waits {
				o.ready = nil // as with TLS
			}
			var sentBytes []byte
			for i := range 300 {
				f := sent{kind: frameData, stream: 1, payload: make([]byte, rng.IntN(1<<rng.IntN(12)))}
				switch {
				case i%10 == 3:
					f.kind = frameHeaders
				case i%10 == 4:
					f.kind, f.flags = frameContinuation, flagEndHeaders
				}
				sentBytes = append(sentBytes, f.bytes()...)
			}
			owed := map[uint32]uint32{}
			var callers sync.WaitGroup
			for stream := range uint32(3) {
				callers.Go(func() {
					for range 200 {
						o.owe(stream, int(stream)+1)
						o.settle()
					}
				})
				owed[stream] = 200 * (stream + 1)
			}
			for p := sentBytes; len(p) > 0; {
				n := min(len(p), 1+rng.IntN(1<<rng.IntN(13)))
				if written, err := o.Write(p[:n]); written != n || err != nil {
					t.Fatalf("got %d, %v, want %d", written, err, n)
				}
				p = p[n:]
			}
			callers.Wait()
			for o.late.Load() || o.due.Load() {
				o.settle()
			}
			o.writing.Lock()
			defer o.writing.Unlock()
			socket.mu.Lock()
			defer socket.mu.Unlock()
			out, got := socket.out.Bytes(), []byte(nil)
			for block := false; len(out) >= headerBytes; {
				n := headerBytes + (int(out[0])<<16 | int(out[1])<<8 | int(out[2]))
				switch {
				case out[3] != frameWindowUpdate:
					got = append(got, out[:n]...)
					block = out[3] == frameHeaders
				case block:
					t.Fatal("got an update inside a header block")
				default:
					owed[binary.BigEndian.Uint32(out[5:])] -= binary.BigEndian.Uint32(out[headerBytes:])
				}
				out = out[n:]
			}
			if !bytes.Equal(got, sentBytes) {
				t.Errorf("got %d bytes of frames, want the %d that were written", len(got), len(sentBytes))
			}
			for stream, left := range owed {
				if left != 0 {
					t.Errorf("got %d bytes too few for stream %d", int32(left), stream)
				}
			}
		})
	}
}
