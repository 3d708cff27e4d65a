package conn_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// TestWriteReady: what the system has no room for is not written, and not waited for; the rest arrives as it was written.
func TestWriteReady(t *testing.T) {
	for _, tt := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:0"},
		{"unix", filepath.Join(t.TempDir(), "s")},
	} {
		t.Run(tt.network, func(t *testing.T) {
			l, err := net.Listen(tt.network, tt.address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			peer, err := net.Dial(tt.network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = peer.Close() }()
			accepted, err := conn.Limit(l, 1, nil).Accept()
			if err != nil {
				t.Fatal(err)
			}
			c := conn.Of(accepted)
			data := make([]byte, 1<<20)
			for i := range data {
				data[i] = byte(i >> 8)
			}
			want := 0
			for i := 0; ; i++ {
				n, err := c.WriteReady(data)
				if err != nil || i == 1000 {
					t.Fatalf("got %v after %d writes, want no room some time", err, i)
				}
				if want += n; n < len(data) {
					break
				}
			}
			read := make(chan []byte)
			go func() {
				got, _ := io.ReadAll(peer)
				read <- got
			}()
			if _, err := c.Write([]byte("end")); err != nil { // It waits.
				t.Error(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			got := <-read
			if len(got) != want+3 || !bytes.HasSuffix(got, []byte("end")) || !bytes.Equal(got[:min(want, len(data))], data[:min(want, len(data))]) {
				t.Errorf("got %d bytes, want the %d that were written", len(got), want+3)
			}
			if n, err := c.WriteReady(data); n != 0 || err == nil {
				t.Errorf("got %d, %v on a closed connection, want an error", n, err)
			}
		})
	}
}
