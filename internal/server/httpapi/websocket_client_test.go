package httpapi

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// client is a viewer over WebSocket.
type client struct {
	*websocket.Conn
	t   testing.TB
	ctx context.Context
}

// wireImage is an image as a viewer gets it.
type wireImage struct {
	flags          byte
	id             uint32
	seq            uint64
	captured, sent time.Time
	jpeg           []byte
}

// websocket connects a viewer.
func (f *fixture) websocket(t testing.TB, set func(*websocket.DialOptions)) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	o := &websocket.DialOptions{HTTPClient: httpClient(), Subprotocols: []string{"steadyframe.v1"}}
	if set != nil {
		set(o)
	}
	ws, _, err := websocket.Dial(ctx, scheme()+f.addr+"/ws", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(-1)
	return &client{ws, t, ctx}
}

func (c *client) say(format string, args ...any) {
	c.t.Helper()
	if err := c.Write(c.ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ack(p wireImage) {
	c.t.Helper()
	data := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, p.id), p.seq)
	if err := c.Write(c.ctx, websocket.MessageBinary, data); err != nil {
		c.t.Fatal(err)
	}
}

// next reads a message: an image, or a text.
func (c *client) next() (p wireImage, said string) {
	c.t.Helper()
	kind, data, err := c.Read(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	if kind == websocket.MessageText {
		return wireImage{}, string(data)
	}
	if len(data) < 32 || data[0] != 1 || binary.BigEndian.Uint16(data[2:]) != 32 {
		c.t.Fatalf("got a head of % x, want version 1 and 32 bytes", data[:min(len(data), 32)])
	}
	micro := func(at int) time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(data[at:]))) }
	return wireImage{
		flags: data[1], id: binary.BigEndian.Uint32(data[4:]), seq: binary.BigEndian.Uint64(data[8:]), captured: micro(16), sent: micro(24), jpeg: data[32:],
	}, ""
}

// image reads an image.
func (c *client) image() wireImage {
	c.t.Helper()
	p, said := c.next()
	if said != "" {
		c.t.Fatalf("got %s, want an image", said)
	}
	return p
}

// hear reads a text message, which must be want.
func (c *client) hear(want string) {
	c.t.Helper()
	if _, said := c.next(); said != want {
		c.t.Fatalf("got %q, want %q", said, want)
	}
}

// closed reads until the connection is closed, and returns the code and reason.
func (c *client) closed() (websocket.StatusCode, string) {
	c.t.Helper()
	for {
		if _, _, err := c.Read(c.ctx); err != nil {
			var why websocket.CloseError
			if !errors.As(err, &why) {
				c.t.Fatal(err)
			}
			return why.Code, why.Reason
		}
	}
}
