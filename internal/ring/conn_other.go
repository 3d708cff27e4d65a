//go:build !linux

package ring

import (
	"context"
	"time"
)

// Conn is the client's side of a connection. There is none on this system: Dial returns an error.
type Conn struct{ Layout Layout }

// Probe returns an error on this system.
func Probe(context.Context, string) error { return errUnsupported }

// Dial returns an error on this system.
func Dial(context.Context, string, Hello) (*Conn, error) { return nil, errUnsupported }

// Input returns nil.
func (c *Conn) Input(int) []byte { return nil }

// Frame returns nil.
func (c *Conn) Frame(int, int) []byte { return nil }

// Area returns nil.
func (c *Conn) Area(int) []byte { return nil }

// Send returns an error.
func (c *Conn) Send([]byte) error { return errUnsupported }

// Recv returns an error.
func (c *Conn) Recv(*Message) ([]byte, error) { return nil, errUnsupported }

// CloseWrite returns an error.
func (c *Conn) CloseWrite() error { return errUnsupported }

// SetReadDeadline returns an error.
func (c *Conn) SetReadDeadline(time.Time) error { return errUnsupported }

// Hangup does nothing.
func (c *Conn) Hangup() {}

// Close does nothing.
func (c *Conn) Close() {}
