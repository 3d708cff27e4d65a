package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// serve is what a handler does: it writes on c, and removes it when that ends.
func serve(s *conn.Set, c *conn.Hijacked, data []byte) <-chan error {
	s.Add(c)
	failed := make(chan error, 1)
	go func() {
		err := c.WriteParts(nil, data, nil)
		_ = c.Close()
		s.Remove(c)
		failed <- err
	}()
	return failed
}

// TestWait: for a peer that reads nothing a drain waits for DrainPatience, not for the stall time, whatever the peer
// has read before; and not even that long when its context ends.
func TestWait(t *testing.T) {
	const sent = 100
	tests := []struct {
		name   string
		open   bool // there is a connection, which has hung for a minute
		took   int  // what its peer has read
		drains bool
		least  time.Duration // how long Wait takes, of a context of 10 s
		most   time.Duration
		err    error // the error of the write
	}{
		{name: "empty"},
		{name: "patience", open: true, drains: true, most: conn.DrainPatience * 5 / 4, err: os.ErrDeadlineExceeded},
		{name: "patience-after-some", open: true, took: 10, drains: true, most: conn.DrainPatience * 5 / 4, err: os.ErrDeadlineExceeded},
		{name: "cut", open: true, least: 10 * time.Second, most: 10 * time.Second, err: io.ErrClosedPipe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s conn.Set
				var failed <-chan error
				draining := make(chan struct{})
				if tt.open {
					ours, theirs := net.Pipe()
					defer theirs.Close()
					failed = serve(&s, conn.NewHijacked(ours, nil, time.Hour, draining), make([]byte, sent))
					if _, err := io.ReadFull(theirs, make([]byte, tt.took)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
				}
				if tt.drains {
					close(draining)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				s.Wait(ctx)
				if got := time.Since(start); got < tt.least || got > tt.most+conn.Glance {
					t.Errorf("Wait: got %v, want %v to %v", got, tt.least, tt.most)
				}
				if tt.open {
					if err := <-failed; !errors.Is(err, tt.err) {
						t.Errorf("the write: got %v, want %v", err, tt.err)
					}
				}
				s.Each(func(*conn.Hijacked) { t.Error("a connection is left") })
				late, theirs := net.Pipe()
				defer theirs.Close()
				if err := <-serve(&s, conn.NewHijacked(late, nil, time.Hour, draining), make([]byte, sent)); !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("the write of a connection that came after Wait: got %v, want %v", err, io.ErrClosedPipe)
				}
			})
		})
	}
}

// certificate is that of package httptest.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "127.0.0.1"
	return &tls.Config{Certificates: s.TLS.Certificates}, client
}

// recorder keeps the first bytes that a connection receives.
type recorder struct {
	net.Conn
	first []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.first = append(r.first, p[:min(n, 5-len(r.first))]...)
	return n, err
}

// hijackedPair returns a hijacked connection, as a Listener accepts it, and its peer.
func hijackedPair(t *testing.T, secure bool, stall time.Duration) (h *conn.Hijacked, peer net.Conn, wire *recorder) {
	t.Helper()
	var server, client *tls.Config
	if secure {
		server, client = certificate(t)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	l := conn.ReadAhead(conn.Limit(inner, 1, server))
	raw, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	wire = &recorder{Conn: raw}
	peer = wire
	if secure {
		peer = tls.Client(wire, client)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := accepted.(*tls.Conn); ok {
		shaken := make(chan error, 1)
		go func() { shaken <- peer.(*tls.Conn).Handshake() }()
		if err := errors.Join(s.Handshake(), <-shaken); err != nil {
			t.Fatal(err)
		}
	}
	h = conn.NewHijacked(accepted, nil, stall, nil)
	t.Cleanup(func() { _, _ = h.Close(), peer.Close() })
	return h, peer, wire
}

// TestWriteParts: the parts arrive as they were written, over TLS never as plain text, also when the peer reads so slowly that
// a write takes many times the stall time.
func TestWriteParts(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	bytesOf := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		return p
	}
	var parts [][3][]byte
	for _, n := range []int{0, 1, 16<<10 - 10, 16 << 10, 100_000, 12 << 20} {
		parts = append(parts, [3][]byte{bytesOf(10), bytesOf(n), bytesOf(20)})
	}
	var want []byte
	for _, p := range parts {
		want = append(want, bytes.Join(p[:], nil)...)
	}
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stall := 100 * time.Millisecond
			for !testWriteParts(t, secure, stall, parts, want) {
				stall *= 4
				t.Logf("the machine is busy: once more with a stall time of %v", stall)
			}
		})
	}
}

// testWriteParts writes parts to a peer that reads slowly, and wants it to receive them. It returns false when the peer did not get
// to read for as long as the stall time, so that the write had to fail.
func testWriteParts(t *testing.T, secure bool, stall time.Duration, parts [][3][]byte, want []byte) bool {
	h, peer, wire := hijackedPair(t, secure, stall)
	written := make(chan error, 1)
	begin := time.Now()
	go func() {
		for _, p := range parts {
			if err := h.WriteParts(p[0], p[1], p[2]); err != nil {
				_ = h.Abort()
				written <- err
				return
			}
		}
		written <- h.Close()
	}()
	tick := time.NewTicker(stall / 7)
	defer tick.Stop()
	got := make([]byte, 0, len(want)+1)
	last, longest := time.Now(), time.Duration(0)
	for buf := make([]byte, 256<<10); ; {
		<-tick.C
		n, err := io.ReadFull(peer, buf)
		got = append(got, buf[:n]...)
		longest = max(longest, time.Since(last))
		last = time.Now()
		if err != nil {
			break
		}
	}
	if err := <-written; errors.Is(err, os.ErrDeadlineExceeded) && longest >= stall*3/4 { // A write's deadline is a quarter.
		return false
	} else if err != nil {
		t.Fatalf("%v, though the peer read every %v", err, longest)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want the %d that were written", len(got), len(want))
	}
	if took := time.Since(begin); took < 3*stall {
		t.Fatalf("all was read within %v, too fast for the test to tell anything", took)
	}
	if record := wire.first[0] == 22 && wire.first[1] == 3; secure != record { // a handshake of TLS
		t.Errorf("got % x first, want TLS: %v", wire.first, secure)
	}
	return true
}

// TestStall: a write to a peer that reads nothing ends after the stall time, and Close does not wait for it.
func TestStall(t *testing.T) {
	const stall = 100 * time.Millisecond
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			h, _, _ := hijackedPair(t, secure, stall)
			begin := time.Now()
			if err := h.WriteParts(nil, make([]byte, 16<<20), nil); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v, want a deadline's", err)
			}
			_ = h.Close()
			if took := time.Since(begin); took < stall || took > 1000*stall {
				t.Errorf("it took %v, want about %v", took, stall)
			}
		})
	}
}

// TestWritePartsAllocatesNothing but what crypto/tls does, on both sides.
func TestWritePartsAllocatesNothing(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			h, peer, _ := hijackedPair(t, secure, time.Minute)
			head, body, tail := make([]byte, 100), make([]byte, 30_000), make([]byte, 20)
			buf := make([]byte, len(head)+len(body)+len(tail))
			const runs = 100
			objects, _ := alloctest.Measure(t, runs, func() {
				if err := h.WriteParts(head, body, tail); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(peer, buf); err != nil {
					t.Fatal(err)
				}
			})
			most := uint64(runs / 10)
			if secure {
				most += 2 * runs
			}
			if objects > most {
				t.Errorf("%d writes allocated %d objects, want at most %d", runs, objects, most)
			}
		})
	}
}

// TestIdleConnectionsMakeRoom: above the limit the connection that has been idle for longest goes, never one with a request,
// and where all have one the new connection does.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			var config *tls.Config
			if secure {
				config, _ = certificate(t)
			}
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer inner.Close()
			l := conn.Limit(inner, 3, config)
			var closed atomic.Int32
			open := func() net.Conn {
				peer, err := net.Dial("tcp", inner.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = peer.Close() })
				go func() {
					_, _ = peer.Read(make([]byte, 1))
					closed.Add(1)
				}()
				accepted, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = accepted.Close() })
				return accepted
			}
			first, second, third := conn.Of(open()), conn.Of(open()), conn.Of(open())
			first.Begin()
			second.SetBusy(true)
			second.SetBusy(false) // and so it is idle for less long than the third
			fourth := conn.Of(open())
			if _, err := third.Conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the one that was idle for longest: got %v, want it closed", err)
			}
			if l.Open() != 3 || l.Evicted() != 1 || l.Refused() != 0 {
				t.Errorf("got %d open, %d evicted, %d refused, want 3, 1 and 0", l.Open(), l.Evicted(), l.Refused())
			}
			second.Begin()
			fourth.Begin()
			peer, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			accepting := make(chan net.Conn, 1)
			go func() {
				c, _ := l.Accept()
				accepting <- c
			}()
			if _, err := peer.Read(make([]byte, 1)); err == nil {
				t.Error("got something to read of a connection that has no place")
			}
			if l.Open() != 3 || l.Evicted() != 1 || l.Refused() != 1 {
				t.Errorf("got %d open, %d evicted, %d refused, want 3, 1 and 1", l.Open(), l.Evicted(), l.Refused())
			}
			first.End()
			open2, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer open2.Close()
			if c := <-accepting; c == nil || l.Evicted() != 2 {
				t.Errorf("got %v, %d evicted, want one more in the place of the first", c, l.Evicted())
			} else {
				_ = c.Close()
			}
			_, _, _ = second.Close(), second.Close(), fourth.Close() // A second Close frees no second place.
			if l.Open() != 0 {
				t.Errorf("got %d open in the end, want 0", l.Open())
			}
		})
	}
}
