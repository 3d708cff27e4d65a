package conn_test

import (
	"io"
	"net"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// TestWritten: a large Write is counted as the peer reads it, and whole.
func TestWritten(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	c := &conn.Conn{Conn: near}
	const size = 1 << 20
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, size))
		done <- err
	}()
	for read := 0; read < size; read += 128 << 10 {
		if got := c.Written(); got > int64(read) {
			t.Errorf("got %d bytes written, want at most the %d that were read", got, read)
		}
		if _, err := io.ReadFull(far, make([]byte, 128<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil || c.Written() != size {
		t.Errorf("got %v, %d bytes written, want %d", err, c.Written(), size)
	}
}
