package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/stream"
)

// stall makes live.stall d.
func stall(d time.Duration) func(*config.Config, *stream.Options) {
	return func(c *config.Config, _ *stream.Options) { c.Live.Stall = config.Duration(d) }
}

// large is a picture that no socket's buffer holds.
func large() []byte { return bytes.Repeat([]byte{0xd8}, 16<<20) }

// narrow makes the kernel take little of what c's peer sends.
func narrow(t testing.TB, c net.Conn, bytes int) {
	t.Helper()
	if err := c.(*net.TCPConn).SetReadBuffer(bytes); err != nil {
		t.Fatal(err)
	}
}

// TestStalledViewerIsLetGo: who takes nothing for live.stall holds no picture after that, and the log says who it was.
func TestStalledViewerIsLetGo(t *testing.T) {
	f := newFixture(t, nil, stall(100*time.Millisecond))
	p := f.publisher(t, "cam1")
	f.publish(t, p, large())
	c, _ := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	eventually(t, "it watches", func() bool { return f.viewers("cam1") == 1 })
	eventually(t, "it is gone", func() bool { return f.viewers("cam1") == 0 })
	eventually(t, "the log says why", func() bool {
		log := f.log.String()
		return strings.Contains(log, "level=WARN") && strings.Contains(log, "kind=slow reason=\"the viewer took not a byte within live.stall\"") &&
			strings.Contains(log, "stream=cam1") && strings.Contains(log, "peer="+c.LocalAddr().String())
	})
	if got := f.rejected(t, fault.Slow); got != 1 {
		t.Errorf("got %v counted as slow, want 1", got)
	}
}

// rejected returns how many requests were counted as refused, or ended early, for that reason.
func (f *fixture) rejected(t testing.TB, k fault.Kind) float64 {
	t.Helper()
	families, err := f.engine.Metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "steadyframe_rejected_total" && m.GetLabel()[0].GetValue() == k.String() {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestSlowViewerIsNotLetGo: who takes a little now and then gets all of a picture, however much longer than live.stall
// that takes, and neither head nor picture is torn.
func TestSlowViewerIsNotLetGo(t *testing.T) {
	t.Parallel()
	const patience = 600 * time.Millisecond
	f := newFixture(t, nil, stall(patience))
	p := f.publisher(t, "cam1")
	data := large()
	f.publish(t, p, data)
	c, r := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	narrow(t, c, 64<<10)
	m, _ := mjpegAnswer(t, r)
	m.expect(fmt.Sprintf("Content-Type: image/jpeg\r\nContent-Length: %d\r\n", len(data)))
	if line, err := m.ReadString('\n'); err != nil || !strings.HasPrefix(line, "X-Timestamp: ") {
		t.Fatalf("got %q, %v", line, err)
	}
	m.expect("\r\n")
	begin := time.Now()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	got := make([]byte, len(data))
	for n := 0; n < len(got); {
		<-tick.C
		k, err := io.ReadFull(m, got[n:min(n+256<<10, len(got))])
		if err != nil {
			t.Fatalf("after %d bytes and %v: %v", n, time.Since(begin), err)
		}
		n += k
	}
	if took := time.Since(begin); took < 3*patience {
		t.Fatalf("the picture took %v, too short for the test to tell anything", took)
	}
	if !bytes.Equal(got, data) {
		t.Error("got another picture")
	}
	m.expect("\r\n--frame\r\n")
}

// TestDrainDoesNotWaitForStalledViewers: when the server stops, live.stall is no reason to wait for half a minute.
func TestDrainDoesNotWaitForStalledViewers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, stall(time.Hour))
	p := f.publisher(t, "cam1")
	f.publish(t, p, large())
	f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	ws := f.websocket(t, nil)
	ws.say(`{"op":"watch","stream":"cam1","id":1}`)
	eventually(t, "both watch", func() bool { return f.viewers("cam1") == 2 })
	// Both hang in a write then; that they do not yet would only make it easier.
	begin := time.Now()
	f.engine.Drain()
	f.Wait(t.Context())
	if took := time.Since(begin); took > 5*drainPatience {
		t.Errorf("the drain took %v, want about %v", took, drainPatience)
	}
}

// TestDrainPatience: from when the server stops a viewer that hangs has drainPatience, however long it has hung and
// whatever it had taken before that.
func TestDrainPatience(t *testing.T) {
	for _, took := range []int{0, 10} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			draining := make(chan struct{})
			c := &conn{Conn: ours, out: ours, stall: time.Hour, draining: draining, begin: time.Now()}
			var h Handler
			h.conns.Add(c)
			failed := make(chan error, 1)
			go func() {
				failed <- c.write(nil, make([]byte, 100), nil)
				h.release(c)
			}()
			if _, err := io.ReadFull(theirs, make([]byte, took)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			close(draining)
			begin := time.Now()
			h.Wait(t.Context())
			if waited := time.Since(begin); waited > drainPatience*5/4+glance {
				t.Errorf("%d bytes taken: got a wait of %v, want %v and a quarter at most", took, waited, drainPatience)
			}
			if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got error %v, want a deadline's", err)
			}
		})
	}
}

// TestWaitCuts: those who are left when Wait's context ends are cut.
func TestWaitCuts(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "cam1")
	f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	eventually(t, "it watches", func() bool { return f.viewers("cam1") == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	f.Wait(ctx) // Nobody has told the viewer to end.
	eventually(t, "it has left", func() bool { return f.viewers("cam1") == 0 })
}

// TestSlowViewerSeesNewPictures: a viewer that takes a fifth of the pictures sees new ones, since what the kernel may hold
// unsent is bounded. Without the bound megabytes of older ones stand before it.
func TestSlowViewerSeesNewPictures(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the bound is Linux's")
	}
	t.Parallel()
	const bytesPerSecond, fps, seconds = 200_000, 25, 4
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	data := make([][]byte, 4)
	for i := range data {
		data[i] = bytes.Repeat([]byte{byte(i)}, 40_000) // 1 MB/s
	}
	f.feed(t, p, fps, data)
	lags := make(chan [2]time.Duration, 2)
	for i, bound := range []int{unsentBytes, 1 << 30} {
		c, r := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
		m, _ := mjpegAnswer(t, r)
		if i == 1 {
			eventually(t, "the connection is known", func() bool { return f.setUnsent(c.LocalAddr().String(), bound) })
		}
		go func() {
			lags <- [2]time.Duration{time.Duration(i), slowly(m, bytesPerSecond, seconds*time.Second)}
		}()
	}
	var with, without time.Duration
	for range 2 {
		if l := <-lags; l[0] == 0 {
			with = l[1]
		} else {
			without = l[1]
		}
	}
	t.Logf("a viewer of %d bytes a second, after %d s of 1 MB/s: the newest picture that it has whole is %v old; without the bound %v", bytesPerSecond, seconds, with, without)
	if with*2 > without {
		t.Errorf("got a lag of %v, want less than half of that without the bound, %v", with, without)
	}
}

// setUnsent changes the bound of the connection from that address.
func (f *fixture) setUnsent(peer string, bytes int) bool {
	found := false
	f.conns.Each(func(c net.Conn) {
		if c.RemoteAddr().String() == peer {
			limitUnsent(c.(*conn).out, bytes)
			found = true
		}
	})
	return found
}

// slowly reads parts at a steady rate for so long, and returns how old the last one was when it was whole.
func slowly(m mjpegReader, bytesPerSecond int, d time.Duration) (lag time.Duration) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < d; {
		h, err := m.head()
		if err != nil {
			m.t.Error(err)
			return 0
		}
		left, _ := strconv.Atoi(h.Get("Content-Length"))
		for left > 0 {
			<-tick.C
			n, err := m.Discard(min(left, bytesPerSecond/100))
			if err != nil {
				m.t.Error(err)
				return 0
			}
			left -= n
		}
		captured, err := strconv.ParseFloat(h.Get("X-Timestamp"), 64)
		if err != nil {
			m.t.Error(err)
			return 0
		}
		lag = time.Since(time.UnixMicro(int64(captured * 1e6)))
		if _, err := m.Discard(len("\r\n--frame\r\n")); err != nil {
			m.t.Error(err)
		}
	}
	return lag
}
