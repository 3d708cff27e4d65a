//go:build unix

package conn_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// The parts of an image as viewers get it: 20 kB, as of 640x360 at usual quality.
const headLen, imageLen, tailLen = 120, 20_000, 11

// writer returns what writes an image to a viewer: as the server does, plain or over TLS, or with crypto/tls alone, in one Write of all
// parts, which are copied together before. The viewer takes the bytes off the socket and does nothing with them.
func writer(t testing.TB, over string) (write func() error) {
	t.Helper()
	o := conn.Options{MaxConnections: 2, Log: slog.New(slog.DiscardHandler)}
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	trust := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.ServerName = "127.0.0.1"
	if over != "plain" {
		o.TLS = &tls.Config{Certificates: s.TLS.Certificates}
	}
	l, err := conn.Listen("http.listen", "127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	read := make(chan struct{})
	go func() {
		defer close(read)
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer raw.Close()
		if over != "plain" {
			if err := tls.Client(raw, trust).HandshakeContext(context.Background()); err != nil {
				t.Error(err)
				return
			}
		}
		_, _ = io.Copy(io.Discard, raw) // Until it is closed.
	}()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = accepted.Close()
		<-read
	})
	secure, ok := accepted.(*tls.Conn)
	if ok {
		if err := secure.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	head, image, tail := make([]byte, headLen), make([]byte, imageLen), make([]byte, tailLen)
	if over == "crypto-tls" {
		all := make([]byte, headLen+imageLen+tailLen)
		return func() error {
			copy(all[copy(all[copy(all, head):], image)+headLen:], tail)
			_, err := secure.Write(all)
			return err
		}
	}
	h := conn.NewHijacked(accepted, nil, time.Hour, nil)
	return func() error { return h.WriteParts(head, image, tail) }
}

// TestTLSAllocatesNothingMore: an image to a viewer over TLS takes no memory beyond what crypto/tls itself takes.
func TestTLSAllocatesNothingMore(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector's sync.Pool drops what crypto/tls would use again")
	}
	const images = 200
	objects := map[string]uint64{}
	for _, over := range []string{"plain", "tls", "crypto-tls"} {
		write := writer(t, over)
		n, bytes := alloctest.Measure(t, images, func() {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		})
		objects[over] = n
		t.Logf("%s: %d images, %d objects, %d bytes", over, images, n, bytes)
	}
	if objects["plain"] >= images/2 || objects["tls"] >= objects["crypto-tls"]+images/2 {
		t.Errorf("got %v objects for %d images, want none plain, and over TLS none beyond those of crypto/tls", objects, images)
	}
}

// BenchmarkViewer is an image to a viewer, with and without TLS, and what crypto/tls takes of it. cpu-ns/op is processor time, in user
// space and in the kernel, with the viewer's system calls.
func BenchmarkViewer(b *testing.B) {
	for _, over := range []string{"plain", "tls", "crypto-tls"} {
		b.Run("over="+over, func(b *testing.B) {
			write := writer(b, over)
			b.SetBytes(headLen + imageLen + tailLen)
			b.ReportAllocs()
			before := spent(b)
			for b.Loop() {
				if err := write(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(spent(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// spent returns the processor time of this process in nanoseconds.
func spent(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
