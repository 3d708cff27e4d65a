package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
)

// numberedSamples returns n samples, each its number.
func numberedSamples(first, n int) []byte {
	var p []byte
	for i := range n {
		p = binary.LittleEndian.AppendUint16(p, uint16(first+i))
	}
	return p
}

// TestGRPCSound: every sample that is published while somebody listens comes to them, with its time.
func TestGRPCSound(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	captured := time.UnixMicro(time.Now().Add(-time.Second).UnixMicro())
	p, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 16000}, captured)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(numberedSamples(0, 16)); err != nil {
		t.Fatal(err)
	}
	var l *client.Listener
	eventually(t, "the stream has sound", func() bool { l, err = c.Listen(timeout(t), "cam1"); return err == nil })
	defer l.Close()
	streams, err := c.ListStreams(timeout(t))
	if err != nil || len(streams) != 1 || streams[0].SoundRate != 16000 || streams[0].SoundChannels != 1 || streams[0].Listeners != 1 {
		t.Errorf("got %+v, %v, want one stream with a listener", streams, err)
	}
	const samples = 4000
	sent := numberedSamples(16, samples)
	for rest := sent; len(rest) > 0; {
		n := min(len(rest), 2*333)
		if err := p.Send(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	var got []byte
	var piece client.LiveSound
	for !bytes.HasSuffix(got, sent[len(sent)-2:]) {
		if err := l.Next(&piece); err != nil {
			t.Fatal(err)
		}
		// It came some time ago, but at most half a second before it was due, and was captured a second before that.
		if piece.SoundFormat != (client.SoundFormat{Rate: 16000, Channels: 1}) || piece.Captured.Before(captured) || time.Since(piece.Captured) < time.Second/2 {
			t.Fatalf("got %+v, captured %v ago, want it since %v", piece.SoundFormat, time.Since(piece.Captured), captured)
		}
		got = append(got, piece.PCM...)
	}
	if all := append(numberedSamples(0, 16), sent...); !bytes.HasSuffix(all, got) || len(got) < len(sent) {
		t.Errorf("got %d bytes that are not those that were sent, or not all since it listens", len(got))
	}
	if length, err := p.Close(); err != nil || length != (samples+16)*time.Second/16000 {
		t.Errorf("got %v, %v at the end, want %v", length, err, (samples+16)*time.Second/16000)
	}
	if err := l.Next(&piece); err != io.EOF {
		t.Errorf("got %v at the end of the sound, want io.EOF", err)
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

// TestGRPCSoundCaptured: each piece is for the time that its sender says, in requests of any size, also where that is not a sample
// after the one before.
func TestGRPCSoundCaptured(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	p, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 8000, Channels: 2}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now().Add(-30 * time.Second).Truncate(time.Microsecond)
	if err := p.SendCaptured(begun, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	var l *client.Listener
	eventually(t, "the stream has sound", func() bool { l, err = c.Listen(timeout(t), "cam1"); return err == nil })
	defer l.Close()
	loud := bytes.Repeat([]byte{1, 1}, 2*9000) // more than a request has, and no silence
	for _, at := range []time.Duration{time.Second, 10 * time.Second, 10*time.Second - 400*time.Millisecond} {
		if err := p.SendCaptured(begun.Add(at), loud); err != nil {
			t.Fatal(err)
		}
		var piece client.LiveSound
		for heard := 0; heard < len(loud); heard += len(piece.PCM) {
			if err := l.Next(&piece); err != nil {
				t.Fatal(err)
			}
			if len(piece.PCM) == 4 { // the first, if it listened soon enough
				heard -= 4
				continue
			}
			if want := begun.Add(at + time.Duration(heard/4)*time.Second/8000); piece.Captured.Sub(want).Abs() > time.Microsecond {
				t.Fatalf("got sound that was captured %v after the beginning, want %v", piece.Captured.Sub(begun), want.Sub(begun))
			}
		}
	}
	if _, err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestGRPCSoundTakenOver: a further publisher of the sound takes over, over HTTP as well.
func TestGRPCSoundTakenOver(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	first, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 16000, Channels: 2}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Send(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first speaks", func() bool {
		l, err := c.ListStreams(timeout(t))
		return err == nil && len(l) == 1 && l[0].SoundChannels == 2
	})
	second, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 8000}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Send(numberedSamples(0, 100)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first is told", func() bool { err = first.Send(make([]byte, 4)); return err != nil })
	wantError(t, err, codes.Aborted, "")
	if length, err := second.Close(); err != nil || length != 100*time.Second/8000 {
		t.Errorf("the second: got %v, %v", length, err)
	}
}

// TestGRPCSoundErrors: what is wrong is said, and nothing is kept.
func TestGRPCSoundErrors(t *testing.T) {
	s := start(t, nil)
	stock := s.stock(t)
	good := &api.SoundRequest{Stream: "cam1", Rate: 16000, Pcm: make([]byte, 2)}
	for _, tt := range []struct {
		name     string
		requests []*api.SoundRequest
		reason   string
	}{
		{"nothing", nil, "ended without a request"},
		{"no stream", []*api.SoundRequest{{Rate: 16000}}, "the first request has no stream"},
		{"bad name", []*api.SoundRequest{{Stream: ".x", Rate: 16000}}, ".x"},
		{"no rate", []*api.SoundRequest{{Stream: "cam1"}}, "got 0, want 8000..48000"},
		{"large rate", []*api.SoundRequest{{Stream: "cam1", Rate: 1<<32 - 1}}, "want 8000..48000"},
		{"channels", []*api.SoundRequest{{Stream: "cam1", Rate: 16000, Channels: 3}}, "got 3, want 1 or 2"},
		{"half a sample", []*api.SoundRequest{{Stream: "cam1", Rate: 16000, Pcm: make([]byte, 3)}}, "got 3 bytes, want a multiple of 2"},
		{"half a moment", []*api.SoundRequest{{Stream: "cam1", Rate: 16000, Channels: 2, Pcm: make([]byte, 6)}}, "got 6 bytes, want a multiple of 4"},
		{"again", []*api.SoundRequest{good, good}, "want them in the first request alone"},
		{"too much", []*api.SoundRequest{{Stream: "cam1", Rate: 16000, Pcm: make([]byte, 32<<10+2)}}, "want at most 32768 in a request"},
		{"far too much", []*api.SoundRequest{{Stream: "cam1", Rate: 16000, Pcm: make([]byte, 100<<10)}}, "got a request of"},
	} {
		for name, options := range map[string][]grpc.CallOption{"plain": nil, "gzip": {grpc.UseCompressor(gzip.Name)}} {
			call, err := stock.PublishSound(timeout(t), options...)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range tt.requests {
				_ = call.Send(r) // The response says why not.
			}
			_, err = call.CloseAndRecv()
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%s, %s: got %v, want %q", tt.name, name, err, tt.reason)
			}
		}
	}
	c := s.dial(t)
	_, err := c.Listen(timeout(t), "nobody")
	wantError(t, err, codes.NotFound, "nobody")
	_, err = c.Listen(timeout(t), "")
	wantError(t, err, codes.InvalidArgument, "has no stream")
	call, err := stock.Listen(timeout(t), &api.ListenRequest{Stream: "nobody"})
	if err == nil {
		_, err = call.Recv()
	}
	if !strings.Contains(fmt.Sprint(err), "NotFound") {
		t.Errorf("got %v, want NotFound", err)
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}

// TestGRPCSoundDrain: publishers and listeners end with Unavailable when the server stops.
func TestGRPCSoundDrain(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	p, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 16000}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	var l *client.Listener
	eventually(t, "the stream has sound", func() bool { l, err = c.Listen(timeout(t), "cam1"); return err == nil })
	s.stop()
	var piece client.LiveSound
	for err == nil {
		err = l.Next(&piece)
	}
	if err != io.EOF { // The sound itself may have ended first.
		wantError(t, err, codes.Unavailable, "")
	}
	_, err = p.Close()
	wantError(t, err, codes.Unavailable, "")
}

// TestGRPCUnreadSound: a listener that reads nothing is disconnected after live.stall, and holds nothing.
func TestGRPCUnreadSound(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Live.Stall = server.Duration(time.Second) })
	c := s.dial(t)
	p, err := c.PublishSound(timeout(t), "cam1", client.SoundFormat{Rate: 48000, Channels: 2}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	second := make([]byte, 48000*4)
	for i := range second {
		second[i] = byte(i) // No silence, which would be left out.
	}
	if err := p.Send(second[:4]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stream has sound", func() bool {
		l, err := c.Listen(timeout(t), "cam1")
		return err == nil && func() bool { l.Close(); return true }()
	})
	conn := flood(t, s.Addrs().GRPC, "/steadyframe.v1.FrameService/Listen", 1, inFrames(t, &api.ListenRequest{Stream: "cam1"}), 100)
	defer func() { _ = conn.Close() }()
	listeners := func() int {
		list, err := c.ListStreams(timeout(t))
		if err != nil || len(list) != 1 {
			t.Fatalf("got %v, %v, want one stream", list, err)
		}
		return list[0].Listeners
	}
	eventually(t, "one listens", func() bool { return listeners() == 1 })
	failed := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				_, err := p.Close()
				failed <- err
				return
			default:
			}
			if err := p.Send(second[:len(second)/10]); err != nil {
				failed <- err
				return
			}
		}
	}()
	eventually(t, "nobody listens", func() bool { return listeners() == 0 })
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("the publisher: got %v", err)
	}
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 && s.Unsent() == 0 })
}
