package client

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/internal/ring"
)

// TestRingPublisherEnds: Close returns nil if the server has said that its counts are the last, and for nothing else that a server
// may say before its end, or the half of.
func TestRingPublisherEnds(t *testing.T) {
	counts := ring.Status{Viewers: 1, Arrived: 3, Published: 2, Dropped: 1}
	status := ring.AppendStatus(nil, &counts, [5]uint64{1})
	counts.Flags = ring.FlagLast
	last := ring.AppendStatus(nil, &counts, [5]uint64{1})
	draining := (&ring.ServerError{Code: 11, Text: "the server is stopping"}).AppendError(nil)
	for name, c := range map[string]struct {
		says []byte
		want codes.Code
	}{
		"nothing":                {nil, codes.Unavailable},
		"a status":               {status, codes.Unavailable},
		"the last status":        {last, codes.OK},
		"a status after another": {append(append([]byte(nil), status...), last...), codes.OK},
		"the last, taken back":   {append(append([]byte(nil), last...), status...), codes.Unavailable},
		"half of the last":       {last[:ring.Size/2], codes.Unavailable},
		"the last but its end":   {last[:len(last)-1], codes.Unavailable},
		"an error":               {append(append([]byte(nil), status...), draining...), codes.Unavailable},
		"half an error":          {draining[:ring.Size], codes.Unavailable},
	} {
		for _, closes := range []bool{false, true} {
			p := publishTo(t, c.says, closes)
			if _, err := p.Close(); code(err) != c.want {
				t.Errorf("%s, socket closed with unread data %t: got %v, want code %v", name, closes, err, c.want)
			}
		}
	}
}

func code(err error) codes.Code {
	var e *Error
	switch {
	case err == nil:
		return codes.OK
	case errors.As(err, &e):
		return e.Code
	}
	return codes.Unknown
}

// publishTo returns a Publisher of a server that takes no frame: it waits for the client's end, or only for a SUBMIT that it
// leaves unread, and then says something and is gone.
func publishTo(t *testing.T, says []byte, early bool) *Publisher {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	submitted := make(chan struct{})
	go func() {
		accepted, err := l.Accept()
		if err != nil {
			return
		}
		defer accepted.Close()
		var m ring.Message
		if _, err := io.ReadFull(accepted, m[:]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, accepted, int64(m.Payload())); err != nil {
			return
		}
		memory, err := ring.NewMemory(3*ring.SlotAlign, false)
		if err != nil {
			t.Error(err)
			return
		}
		defer memory.Close()
		layout := ring.Layout{Slots: 3, Batch: 1, InputSlot: ring.SlotAlign, FramePitch: 256, FrameBytes: 256}
		layout.Set(&m)
		if _, _, err := accepted.(*net.UnixConn).WriteMsgUnix(m[:], unix.UnixRights(memory.FD()), nil); err != nil {
			t.Error(err)
			return
		}
		if early {
			<-submitted
		} else {
			_, _ = io.Copy(io.Discard, accepted) // until the client's end
		}
		_, _ = accepted.Write(says)
	}()
	link := &ringLink{path: path}
	p, err := link.publish(t.Context(), "cam", anySpec, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SendCaptured(time.Time{}, make([]byte, 256)); err != nil {
		t.Fatal(err)
	}
	close(submitted)
	return p
}

// TestRingStreamThatCouldNotSend: a stream of which a batch could not be sent has no good end, though all before it came, and whatever
// the caller does.
func TestRingStreamThatCouldNotSend(t *testing.T) {
	for range 100 { // It is by chance which of two ends is seen.
		s := newRingStream(t.Context(), &ringLink{})
		s.fail(ring.ErrLost)
		if err := s.send(&Batch{Spec: anySpec}); err != io.EOF {
			t.Fatalf("got %v of a Send, want io.EOF", err)
		}
		if err := s.closeSend(); err != nil {
			t.Fatal(err)
		}
		var r Response
		for range 2 {
			if err := s.recv(&r); code(err) != codes.Unavailable {
				t.Fatalf("got %v, want code Unavailable", err)
			}
		}
	}
}
