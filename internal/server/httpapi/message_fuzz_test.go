package httpapi

import (
	"encoding/binary"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// FuzzMessage: an accepted message is within bounds, and the reason against any other fits into a close frame.
func FuzzMessage(f *testing.F) {
	f.Add(true, []byte(`{"op":"watch","stream":"cam1","id":3,"fps":12.5}`))
	f.Add(true, []byte(`{"op":"unwatch","id":3}`))
	f.Add(true, []byte(`{"op":"watch","stream":"\u0000","id":4294967295,"fps":1e-300}`))
	f.Add(true, []byte(`{"op":"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé","id":3}`))
	f.Add(true, []byte(`{"op":"watch","id":1e9}`))
	f.Add(true, []byte(`[{}`))
	f.Add(false, binary.BigEndian.AppendUint64([]byte{0, 0, 0, 3}, 77))
	f.Add(false, []byte{})
	f.Fuzz(func(t *testing.T, text bool, data []byte) {
		if len(data) > maxMessage {
			return
		}
		parse := parseAck
		if text {
			parse = parseText
		}
		m, refused := parse(data)
		if refused != nil {
			if refused.Kind != fault.Invalid || len(refused.Reason) > 123 || !utf8.ValidString(refused.Reason) {
				t.Errorf("got %s %q, want an invalid message, in at most 123 bytes", refused.Kind, refused.Reason)
			}
			return
		}
		if text && (m.id == 0 || m.op != opWatch && m.op != opUnwatch || m.fps != 0 && !validFPS(m.fps)) || !text && m.op != opAck {
			t.Errorf("got %+v", m)
		}
	})
}

// discarding is a connection that takes everything.
type discarding struct{ net.Conn }

func (discarding) Write(p []byte) (int, error)      { return len(p), nil }
func (discarding) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession: whatever messages a viewer sends while images come, its session keeps the limits, and holds nothing at
// its end. Each byte is a message: its kind, its stream, its id.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0x00, 0x40, 0x40, 0x40, 0x80, 0x80, 0x40, 0xc0})
	f.Add([]byte{0x00, 0x01, 0x02, 0x03, 0x11, 0x40, 0x41, 0x80, 0x81, 0xc1, 0x01})
	f.Add([]byte{0x00, 0x00})
	f.Add([]byte{0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, said []byte) {
		if len(said) > 256 {
			return
		}
		p := pool.New(&pool.Options{Check: &pool.Check{}})
		h := newViewers(engine.New(config.Default(), metrics.New(), nil), stream.New(stream.Options{MaxViewers: 3}), slog.New(slog.DiscardHandler))
		defer h.engine.Close()
		s := newSession(h, httptest.NewRequest(http.MethodGet, "/ws", nil), nil, &upgrade{conn: conn.NewHijacked(discarding{}, nil, time.Hour, nil), in: new(pacedInput)})
		s.ping = time.Now().Add(time.Hour)
		publisher, err := h.hub.Publish("a", stream.PublisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer publisher.Close()
		for i, b := range said {
			image, err := p.Get(i + 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := publisher.Publish(stream.Image{Buf: image}); err != nil {
				t.Fatal(err)
			}
			// Two bits: the kind. Two bits: the stream. Four bits: the id.
			m := message{id: uint32(b & 15), stream: []string{"a", "a", "later", "no/name"}[b>>4&3], op: []op{opWatch, opAck, opAck, opUnwatch}[b>>6]}
			m.seq = uint64(i + 1) // of the newest image
			if b>>6 == 2 {
				m.seq /= 2
			}
			if f := s.do(m); f != nil {
				if f.Kind != fault.Invalid {
					t.Errorf("got %s %v, want nothing but a violation", f.Kind, f)
				}
				break
			}
			for idle := time.Duration(0); idle == 0; {
				var f *fault.Error
				if idle, f = s.serve(time.Now()); f != nil {
					t.Fatal(f)
				}
			}
			s.check(t)
		}
		for _, w := range s.watched {
			w.close()
		}
		publisher.Skip() // The Hub releases the newest image.
		if stats := p.Stats(); stats.InUse != 0 {
			t.Errorf("got %d bytes in use, want none", stats.InUse)
		}
	})
}

// check fails t unless s is within the limits.
func (s *session) check(t *testing.T) {
	t.Helper()
	ids := map[uint32]bool{}
	viewers := 0
	for _, w := range s.watched {
		if ids[w.id] || len(w.unacked) > maxUnacked || w.viewer == nil && len(w.unacked) > 0 {
			t.Errorf("got id %d with %d images on their way, want each id once, and at most %d", w.id, len(w.unacked), maxUnacked)
		}
		ids[w.id] = true
		if w.viewer != nil {
			viewers++
		}
	}
	if info, _ := s.handler.hub.Info("a"); len(info.Viewers) != viewers || viewers > 3 || len(s.watched) > maxWatched {
		t.Errorf("got %d viewers, want the %d of the session", len(info.Viewers), viewers)
	}
}
