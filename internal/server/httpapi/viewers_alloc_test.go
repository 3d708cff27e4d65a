package httpapi

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

// lockstep is a stream whose images are all seen by all viewers, over real connections: only then the next one comes.
// An image's first bytes are its number.
type lockstep struct {
	f         *fixture
	t         testing.TB
	publisher *stream.Publisher
	viewers   int
	number    uint64
	seen      sync.WaitGroup // of the newest image, by the viewers
}

const lockstepBytes = 20_000 // of an image

func newLockstep(t testing.TB, viewers int) *lockstep {
	f := newFixture(t, pool.New(nil), nil)
	l := &lockstep{f: f, t: t, publisher: f.publisher(t, "cam1"), viewers: viewers}
	l.publish() // Number 0, which is not waited for: so the stream's state changes no more.
	return l
}

// next publishes the next image and waits until all viewers have seen it.
func (l *lockstep) next() {
	l.number++
	l.seen.Add(l.viewers)
	l.publish()
	l.seen.Wait()
}

func (l *lockstep) publish() {
	b, err := l.f.pool.Get(lockstepBytes)
	if err != nil {
		l.t.Fatal(err)
	}
	binary.BigEndian.PutUint64(b.Bytes(), l.number)
	if err := l.publisher.Publish(stream.Image{Buf: b, Width: imageWidth, Height: imageHeight}); err != nil {
		l.t.Fatal(err)
	}
}

// view is a viewer: it reads messages, each of which has before bytes before its image and after bytes after it. Unless
// respond is nil, it sends respond of the bytes before.
func (l *lockstep) view(c net.Conn, r *bufio.Reader, before, after int, respond func(head []byte) []byte) {
	if err := c.SetDeadline(time.Time{}); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		buf := make([]byte, before+lockstepBytes+after)
		for last := uint64(0); ; {
			if head, err := r.Peek(2); err == nil && head[0] == framePing { // The server pings when the machine is so busy that images are rare.
				_, _ = r.Discard(2)
				continue
			}
			if _, err := io.ReadFull(r, buf); err != nil {
				return // The test is over.
			}
			if respond != nil {
				if _, err := c.Write(respond(buf[:before])); err != nil {
					return
				}
			}
			if n := binary.BigEndian.Uint64(buf[before:]); n > last { // It may be a repeat.
				last = n
				l.seen.Done()
			}
		}
	}()
}

// viewMJPEG adds the viewers.
func (l *lockstep) viewMJPEG() {
	now := time.Now()
	before := len(new(part).head(&stream.Image{Captured: now}, lockstepBytes, false, now))
	for range l.viewers {
		c, r := l.f.dial(l.t, "GET /stream/cam1.mjpg HTTP/1.1")
		mjpegResponse(l.t, r)
		l.view(c, r, before, len("\r\n--frame\r\n"), nil)
	}
}

// viewWebSocket adds the viewers, which acknowledge each image.
func (l *lockstep) viewWebSocket() {
	for range l.viewers {
		c, r := l.f.dial(l.t, "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==")
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				l.t.Fatal(err)
			}
		}
		watch := `{"op":"watch","stream":"cam1","id":7}`
		if _, err := c.Write(append(maskedHead(frameText, len(watch)), watch...)); err != nil {
			l.t.Fatal(err)
		}
		skipText(l.t, r)
		ack := maskedHead(frameBinary, ackBytes)
		ack = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(ack, 7), 0)
		before := 4 + headBytes
		l.view(c, r, before, 0, func(head []byte) []byte {
			copy(ack[len(ack)-8:], head[4+8:])
			return ack
		})
	}
}

// maskedHead returns the head of a frame as a client writes it, with a mask that changes nothing (RFC 6455, 5.3).
func maskedHead(opcode byte, n int) []byte { return []byte{opcode, 0x80 | byte(n), 0, 0, 0, 0} }

// skipText reads a text message of fewer than 126 bytes.
func skipText(t testing.TB, r *bufio.Reader) {
	t.Helper()
	head, err := r.Peek(2)
	if err != nil || head[0] != frameText {
		t.Fatalf("got % x, %v, want a text message", head, err)
	}
	if _, err := r.Discard(2 + int(head[1])); err != nil {
		t.Fatal(err)
	}
}

// TestAllocations: an image on its way to 1 viewer, and to 50, allocates nothing: neither in the server nor in the client
// of this test, which is in the same process. A few objects are the runtime's own, such as what a goroutine waits in, when
// other processes take the processors away and more goroutines wait at the same time than ever before.
func TestAllocations(t *testing.T) {
	if clientTLS() != nil {
		t.Skip("what crypto/tls allocates is not the server's")
	}
	for name, view := range map[string]func(*lockstep){"mjpeg": (*lockstep).viewMJPEG, "websocket": (*lockstep).viewWebSocket} {
		for _, viewers := range []int{1, 50} {
			t.Run(fmt.Sprintf("%s/viewers=%d", name, viewers), func(t *testing.T) {
				l := newLockstep(t, viewers)
				view(l)
				for range 100 {
					l.next()
				}
				const images = 50
				objects, size := alloctest.Measure(t, images, l.next)
				t.Logf("%d images to %d viewers: %d objects, %d bytes", images, viewers, objects, size)
				if objects >= images/2 {
					t.Errorf("%d images to %d viewers allocated %d objects of %d bytes together, want none of them", images, viewers, objects, size)
				}
			})
		}
	}
}

// TestOneWritePerImage: an image is one system call to each viewer.
func TestOneWritePerImage(t *testing.T) {
	if runtime.GOOS != "linux" || race.Enabled || clientTLS() != nil {
		t.Skip("system calls are counted in /proc, and without the race detector's and TLS's")
	}
	const viewers, images = 10, 200
	l := newLockstep(t, viewers)
	l.viewMJPEG()
	l.next()
	least := math.Inf(1)
	for try := 0; try < 10 && least > 1.25; try++ { // The Go runtime wakes its poller with some, on a busy machine with many.
		before, delivered := writes(t), l.delivered()
		for range images {
			l.next()
		}
		written := writes(t) - before
		least = min(least, float64(written)/float64(l.delivered()-delivered))
	}
	t.Logf("%.3f system calls that write for each image and viewer", least)
	if least > 1.25 {
		t.Errorf("got %.3f system calls that write for each image and viewer, want one", least)
	}
}

// delivered returns how many images were written to all viewers together, repeats too.
func (l *lockstep) delivered() (n uint64) {
	info, _ := l.f.hub.Info("cam1")
	for _, v := range info.Viewers {
		n += v.Delivered
	}
	return n
}

// writes returns how many system calls that write this process has made.
func writes(t testing.TB) (n int) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if _, err := fmt.Sscanf(line, "syscw: %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no syscw in %s", data)
	return 0
}
