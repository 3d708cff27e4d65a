package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// listen opens the listener that a setting names, or returns nil for off. Its error names the setting.
func listen(setting, address string, connections int) (net.Listener, error) {
	if address == config.Off {
		return nil, nil
	}
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("server: %s: %w", setting, err)
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("server: %s: %s is in use by another program: %w", setting, address, err)
		}
		return nil, fmt.Errorf("server: %s: %w", setting, err)
	}
	return &limitListener{Listener: l, free: make(chan struct{}, connections)}, nil
}

// removeStale removes the socket of a server that is gone. A socket that someone answers on stays, and so does any other file.
func removeStale(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // net.Listen says what is wrong with it, if anything.
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return nil
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return nil
}

// limitListener accepts a limited number of connections at the same time, and closes more than that at once: left in the kernel's queue they would wait
// without a word.
type limitListener struct {
	net.Listener
	free chan struct{} // holds one token for each open connection
}

// Accept is part of net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return l.wrap(c), nil
		default:
			_ = c.Close() // Its error is of no use to anyone.
		}
	}
}

// wrap returns c with a Close that frees its place. It keeps the methods of what c is: grpc-go reads through syscall.Conn, and then holds no buffer for a connection
// that is silent.
func (l *limitListener) wrap(c net.Conn) net.Conn {
	release := sync.OnceFunc(func() { <-l.free })
	switch c := c.(type) {
	case *net.TCPConn:
		return &tcpConn{c, release}
	case *net.UnixConn:
		return &unixConn{c, release}
	}
	return &otherConn{c, release}
}

type tcpConn struct {
	*net.TCPConn
	release func()
}

type unixConn struct {
	*net.UnixConn
	release func()
}

type otherConn struct {
	net.Conn
	release func()
}

func (c *tcpConn) Close() error   { c.release(); return c.TCPConn.Close() }
func (c *unixConn) Close() error  { c.release(); return c.UnixConn.Close() }
func (c *otherConn) Close() error { c.release(); return c.Conn.Close() }
