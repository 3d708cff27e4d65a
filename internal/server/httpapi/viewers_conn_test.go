package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// stall makes live.stall d.
func stall(d time.Duration) func(*config.Config, *stream.Options) {
	return func(c *config.Config, _ *stream.Options) { c.Live.Stall = config.Duration(d) }
}

// large is an image that no socket's buffer holds.
func large() []byte { return bytes.Repeat([]byte{0xd8}, 16<<20) }

// narrow makes the kernel buffer little of what c's peer sends.
func narrow(t testing.TB, c net.Conn, bytes int) {
	t.Helper()
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	if err := c.(*net.TCPConn).SetReadBuffer(bytes); err != nil {
		t.Fatal(err)
	}
}

// TestStalledViewerIsDisconnected: a viewer that reads nothing for live.stall holds no image after that, and the log
// names it.
func TestStalledViewerIsDisconnected(t *testing.T) {
	f := newFixture(t, nil, stall(100*time.Millisecond))
	p := f.publisher(t, "cam1")
	f.publish(t, p, large())
	c, _ := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	eventually(t, "the log says why", func() bool {
		log := f.log.String()
		return strings.Contains(log, "level=WARN") && strings.Contains(log, "kind=slow reason=\"the viewer read nothing within live.stall\"") &&
			strings.Contains(log, "stream=cam1") && strings.Contains(log, "peer="+c.LocalAddr().String())
	})
	eventually(t, "it is gone", func() bool { return f.viewerCount("cam1") == 0 })
	eventually(t, "it is counted", func() bool { return f.rejected(t, fault.Slow) > 0 })
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

// TestSlowViewerIsNotDisconnected: a viewer that keeps reading gets all of an image, however much longer than
// live.stall that takes, and neither head nor image is torn.
func TestSlowViewerIsNotDisconnected(t *testing.T) {
	t.Parallel()
	patience := 600 * time.Millisecond
	for !testSlowViewer(t, patience) {
		patience *= 4
		t.Logf("the machine is busy: once more with a stall time of %v", patience)
	}
}

// testSlowViewer reads an image slowly. It returns false when the viewer was disconnected and did not get to read for so long
// that it had to be.
func testSlowViewer(t *testing.T, patience time.Duration) bool {
	f := newFixture(t, nil, stall(patience))
	p := f.publisher(t, "cam1")
	data := large()
	f.publish(t, p, data)
	c, r := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	narrow(t, c, 64<<10)
	m, _ := mjpegResponse(t, r)
	m.expect(fmt.Sprintf("Content-Type: image/jpeg\r\nContent-Length: %d\r\n", len(data)))
	if line, err := m.ReadString('\n'); err != nil || !strings.HasPrefix(line, "X-Timestamp: ") {
		t.Fatalf("got %q, %v", line, err)
	}
	m.expect("\r\n")
	begin := time.Now()
	tick := time.NewTicker(patience / 20)
	defer tick.Stop()
	got := make([]byte, len(data))
	last, longest := begin, time.Duration(0)
	for n := 0; n < len(got); {
		<-tick.C
		k, err := io.ReadFull(m, got[n:min(n+256<<10, len(got))])
		longest = max(longest, time.Since(last))
		last = time.Now()
		if err != nil && longest > patience/3 {
			return false
		} else if err != nil {
			t.Fatalf("after %d bytes and %v: %v", n, time.Since(begin), err)
		}
		n += k
	}
	if took := time.Since(begin); took < 3*patience {
		t.Fatalf("the image took %v, too short for the test to tell anything", took)
	}
	if !bytes.Equal(got, data) {
		t.Error("got another picture")
	}
	m.expect("\r\n--frame\r\n")
	return true
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
	eventually(t, "both watch", func() bool { return f.viewerCount("cam1") == 2 })
	// Both hang in a write then; that they do not yet would only make it easier.
	f.engine.Drain()
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	f.wait(soon)
	if soon.Err() != nil {
		t.Error("the drain waited for stalled viewers")
	}
}

// TestWaitCuts: viewers that are left when Wait's context ends are disconnected.
func TestWaitCuts(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "cam1")
	f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	eventually(t, "it watches", func() bool { return f.viewerCount("cam1") == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	f.wait(ctx) // The viewer was not told to end.
	eventually(t, "it has left", func() bool { return f.viewerCount("cam1") == 0 })
}

// TestSlowViewerSeesNewImages: what the kernel keeps of a viewer's images is bounded, or one that reads slowly would see
// old ones. Of two viewers that read nothing, the one without the bound is given many images, the other a few.
func TestSlowViewerSeesNewImages(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the bound is Linux's")
	}
	t.Parallel()
	const many, few = 25, 8 // of 40 kB: the viewer's own kernel takes three or four
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	bounded, _ := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	unbounded, _ := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	eventually(t, "the connection is known", func() bool { return f.setUnsent(unbounded.LocalAddr().String(), 1<<30) })
	eventually(t, "both watch", func() bool { return f.viewerCount("cam1") == 2 })
	data := make([][]byte, 4)
	for i := range data {
		data[i] = bytes.Repeat([]byte{byte(i)}, 40_000)
	}
	f.feed(t, p, 100, data)
	eventually(t, "the one without a bound is given many pictures", func() bool { return f.delivered(unbounded) >= many })
	eventually(t, "the other one is given some", func() bool { return f.delivered(bounded) > 0 })
	n := f.delivered(bounded)
	t.Logf("of viewers that read nothing, the one with the bound was given %d images of 40 kB, the other %d", n, f.delivered(unbounded))
	if n == 0 || n > few {
		t.Errorf("got %d images given, want 1..%d", n, few)
	}
}

// delivered returns how many images the viewer behind c was given.
func (f *fixture) delivered(c net.Conn) uint64 {
	info, _ := f.hub.Info("cam1")
	for _, v := range info.Viewers {
		if strings.Contains(v.Peer, c.LocalAddr().String()) {
			return v.Delivered
		}
	}
	return 0
}

// setUnsent changes the bound of the connection from that address.
func (f *fixture) setUnsent(peer string, bytes int) bool {
	found := false
	f.conns.Each(func(c *conn.Hijacked) {
		if c.RemoteAddr().String() == peer {
			c.LimitUnsent(bytes)
			found = true
		}
	})
	return found
}
