package ring

import (
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMessagesThatAreCut: a server that goes in the midst of a message has not ended the connection as it does after the last.
func TestMessagesThatAreCut(t *testing.T) {
	message := AppendStatus(nil, &Status{Viewers: 1}, [5]uint64{})
	for n := range len(message) + 1 {
		c, server := connected(t)
		if _, err := server.Write(message[:n]); err != nil {
			t.Fatal(err)
		}
		_ = server.Close()
		var m Message
		_, err := c.Recv(&m)
		if n == len(message) && err == nil {
			_, err = c.Recv(&m)
		}
		if whole := n == 0 || n == len(message); whole && err != io.EOF || !whole && !errors.Is(err, ErrLost) {
			t.Errorf("after %d of %d bytes: got %v", n, len(message), err)
		}
	}
}

// connected returns a client's connection, and the server's end of it, as far as Recv goes.
func connected(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{socket: dialed.(*net.UnixConn), oob: make([]byte, unix.CmsgSpace(4*4))}
	t.Cleanup(c.Close)
	if c.raw, err = c.socket.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	c.read = c.tryRead
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}
