package conn_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

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

// TestFailedWriteIsTheLast: over TLS, the end of a connection to a peer that reads nothing does not wait for it any more once a write
// has failed, whatever deadline crypto/tls sets for its last record.
func TestFailedWriteIsTheLast(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	server, client := certificate(t)
	c := &conn.Conn{Conn: near}
	secure := tls.Server(c, server)
	peer := make(chan error, 1)
	go func() { peer <- tls.Client(far, client).HandshakeContext(t.Context()) }()
	if err := errors.Join(secure.HandshakeContext(t.Context()), <-peer); err != nil {
		t.Fatal(err)
	}
	// The peer reads nothing from here on.
	if err := secure.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := secure.Write(make([]byte, 64<<10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v of a write, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := secure.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) { // It would wait for ever.
		t.Errorf("got %v of the write after it, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := secure.Close(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("closing: %v", err)
	}
}

// TestCloseWaitsForNobody: a connection to a peer that reads nothing, of which no write has failed yet, does not wait for long until the
// peer takes the last record of TLS.
func TestCloseWaitsForNobody(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close func(c *conn.Conn, over *tls.Conn) error
	}{
		{"hijacked", func(_ *conn.Conn, over *tls.Conn) error {
			return conn.NewHijacked(over, nil, time.Hour, nil).Close()
		}},
		{"ending", func(c *conn.Conn, over *tls.Conn) error {
			c.Ending()
			return over.Close()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := certificate(t)
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer func() { _ = far.Close() }()
				c := &conn.Conn{Conn: near}
				over := tls.Server(c, server)
				peer := make(chan error, 1)
				go func() { peer <- tls.Client(far, client).HandshakeContext(t.Context()) }()
				if err := errors.Join(over.HandshakeContext(t.Context()), <-peer); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				if err := tt.close(c, over); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				if took := time.Since(begin); took > time.Second {
					t.Errorf("closing took %v, want less than a second", took)
				}
			})
		})
	}
}

// TestStuck: a write of which the peer takes nothing can be told from one that goes on.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &conn.Conn{Conn: near}
		if c.Stuck(0) {
			t.Error("got a connection that is stuck, and nothing was written")
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 128<<10)) // in two pieces
			wrote <- err
		}()
		time.Sleep(time.Second)
		if !c.Stuck(time.Second) || c.Stuck(2*time.Second) {
			t.Error("got another time of a write that nobody reads than the second that it is old")
		}
		if _, err := io.ReadFull(far, make([]byte, 100<<10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !c.Stuck(time.Second) || c.Stuck(2*time.Second) {
			t.Error("got another time of a write than a second since the peer took a piece")
		}
		if err := near.Close(); err != nil {
			t.Error(err)
		}
		if err := <-wrote; err == nil {
			t.Error("got no error of a write on a closed connection")
		}
		if c.Stuck(0) {
			t.Error("got a connection that is stuck, and nothing is being written")
		}
	})
}
