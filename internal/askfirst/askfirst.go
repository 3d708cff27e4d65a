// Package askfirst is for clients of HTTP that may be given another port. Some servers speak as soon as they are reached: those of gRPC, SSH
// or FTP. net/http then says, depending on what it was doing, that the response is malformed, or it logs a line and
// returns an error without a reason. From a connection that is not read before something was asked it is always the former.
package askfirst

import (
	"context"
	"net"
	"sync"
)

// Dialer is what Dial connects with, such as a *net.Dialer.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Dial returns the DialContext of an http.Transport.
func Dial(d Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, asked: make(chan struct{})}, nil
	}
}

// conn is a connection that is not read before it is written to.
type conn struct {
	net.Conn
	once  sync.Once
	asked chan struct{} // closed by the first Write or Close
}

func (c *conn) ask() { c.once.Do(func() { close(c.asked) }) }

// Read is part of net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	<-c.asked
	return c.Conn.Read(p)
}

// Write is part of net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.ask()
	return c.Conn.Write(p)
}

// Close is part of net.Conn.
func (c *conn) Close() error {
	c.ask()
	return c.Conn.Close()
}
