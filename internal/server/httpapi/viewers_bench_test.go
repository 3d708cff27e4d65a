package httpapi

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// BenchmarkWebSocketImage writes an image of 20 kB to a viewer: as sessions do, and through package websocket, whose
// Writer takes head and image one after the other without copying them together. writes/op are system calls.
func BenchmarkWebSocketImage(b *testing.B) {
	jpeg := make([]byte, 20_000)
	for _, by := range []string{"session", "library"} {
		b.Run("by="+by, func(b *testing.B) {
			wrote := make(chan struct{})
			f := newFixture(b, nil, nil)
			f.other = func(w http.ResponseWriter, r *http.Request) {
				defer close(wrote)
				u := &upgrade{ResponseWriter: w, handler: f.viewers}
				ws, err := websocket.Accept(u, r, nil)
				if err != nil {
					b.Error(err)
					return
				}
				defer f.release(u.conn)
				var head [maxFrameHead + headBytes]byte
				var p stream.Image
				before := writes(b)
				b.ReportAllocs()
				for b.Loop() {
					if by == "session" {
						err = u.conn.WriteParts(appendHead(appendFrameHead(head[:0], frameBinary, headBytes+len(jpeg)), 1, &p, 0), jpeg, nil)
					} else {
						err = writeThrough(ws, appendHead(head[:0], 1, &p, 0), jpeg)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
				b.ReportMetric(float64(writes(b)-before)/float64(b.N), "writes/op")
			}
			c, _ := f.dial(b, "GET /other HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==")
			go func() { _, _ = io.Copy(io.Discard, c) }() // Until it is closed.
			<-wrote
		})
	}
}

// writeThrough writes a message of two parts.
func writeThrough(ws *websocket.Conn, head, body []byte) error {
	w, err := ws.Writer(context.Background(), websocket.MessageBinary)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	return w.Close()
}
