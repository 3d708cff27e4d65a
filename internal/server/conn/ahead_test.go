package conn_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// aheadPair returns both ends of a connection whose first is read ahead.
func aheadPair(t *testing.T, network, address string) (ahead, peer net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if peer, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ahead, err = conn.ReadAhead(conn.Limit(l, 1, nil)).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ahead.Close(), peer.Close() })
	return ahead, peer
}

// begin makes the reads of ahead after which a small one is read ahead.
func begin(t *testing.T, ahead, peer net.Conn) {
	t.Helper()
	for range 2 {
		if _, err := peer.Write([]byte("head")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ahead, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeadOfFirstRequest: net/http's first two reads, of a few bytes and of a head, take no more than they ask for; the third is read
// ahead.
func TestHeadOfFirstRequest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	if _, err := peer.Write(make([]byte, 32<<10)); err != nil {
		t.Fatal(err)
	}
	listener := conn.ReadAhead(conn.Limit(l, 1, nil))
	ahead, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ahead.Close() }()
	for i, want := range []int64{0, 0, conn.AheadSize} {
		if _, err := ahead.Read(make([]byte, []int{14, 4096, 4096}[i])); err != nil {
			t.Fatal(err)
		}
		if got := listener.Held(); got != want {
			t.Errorf("got %d bytes of buffers after %d reads, want %d", got, i+1, want)
		}
	}
}

// TestReadAhead: reads of any size give what was sent, and then the end.
func TestReadAhead(t *testing.T) {
	for _, tt := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:0"},
		{"unix", filepath.Join(t.TempDir(), "s")},
	} {
		t.Run(tt.network, func(t *testing.T) {
			ahead, peer := aheadPair(t, tt.network, tt.address)
			const seed = 5
			rng := rand.New(rand.NewPCG(seed, 0))
			want := make([]byte, 4<<20)
			for i := range want {
				want[i] = byte(rng.Uint32())
			}
			sent := make(chan error, 1)
			go func() {
				_, err := peer.Write(want)
				sent <- errors.Join(err, peer.Close())
			}()
			sizes := []int{1, 2, 9, 512, 4096, conn.AheadSize - 1, conn.AheadSize, 3 * conn.AheadSize}
			var got []byte
			for p := make([]byte, 3*conn.AheadSize); ; {
				n, err := ahead.Read(p[:sizes[rng.IntN(len(sizes))]])
				got = append(got, p[:n]...)
				if err == io.EOF {
					break
				}
				if err != nil || n == 0 {
					t.Fatalf("after %d bytes: got %d, %v", len(got), n, err)
				}
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want the %d that were sent (seed %d)", len(got), len(want), seed)
			}
		})
	}
}

// TestReadAheadErrors: they are those of package net, by which net/http tells a peer that disconnected from one that
// breaks the protocol.
func TestReadAheadErrors(t *testing.T) {
	p := make([]byte, 4096)
	t.Run("deadline", func(t *testing.T) {
		ahead, peer := aheadPair(t, "tcp", "127.0.0.1:0")
		begin(t, ahead, peer)
		if err := ahead.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if _, err := ahead.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
		if err := ahead.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		if n, err := ahead.Read(p); n == 0 || err != nil {
			t.Errorf("got %d bytes, %v after the deadline was removed, want some", n, err)
		}
	})
	t.Run("reset", func(t *testing.T) {
		ahead, peer := aheadPair(t, "tcp", "127.0.0.1:0")
		begin(t, ahead, peer)
		if err := errors.Join(peer.(*net.TCPConn).SetLinger(0), peer.Close()); err != nil {
			t.Fatal(err)
		}
		var op *net.OpError
		if _, err := ahead.Read(p); !errors.As(err, &op) || op.Op != "read" {
			t.Errorf("got %v, want a *net.OpError of a read", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		ahead, peer := aheadPair(t, "tcp", "127.0.0.1:0")
		begin(t, ahead, peer)
		if err := ahead.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := ahead.Read(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	})
}

func TestReadAheadAllocatesNothing(t *testing.T) {
	ahead, peer := aheadPair(t, "tcp", "127.0.0.1:0")
	data, p := make([]byte, 10_000), make([]byte, 4096)
	const runs = 100
	objects, _ := alloctest.Measure(t, runs, func() {
		if _, err := peer.Write(data); err != nil {
			t.Fatal(err)
		}
		for left := len(data); left > 0; {
			n, err := ahead.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if objects > 0 {
		t.Errorf("%d messages allocated %d objects, want none", runs, objects)
	}
}
