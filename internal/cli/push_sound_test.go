package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// numberedSound returns n samples of 8 kHz, each its number from 1 on.
func numberedSound(n int) []byte {
	var p []byte
	for i := range n {
		p = binary.LittleEndian.AppendUint16(p, uint16(i+1))
	}
	return p
}

// TestPushSoundNext: each sample is sent when it is due, after silence where frames waited, and never when that is over.
func TestPushSoundNext(t *testing.T) {
	start := time.Now()
	s := newPushSound(nil, bytes.NewReader(numberedSound(1000)))
	s.format = sound.Format{Encoding: sound.S16, Rate: 8000, Channels: 1}
	s.piece = make([]byte, 2*160)
	s.follow(start)
	at := func(moment int) time.Time { return start.Add(time.Duration(moment) * time.Second / 8000) }
	for _, tt := range []struct {
		what         string
		moved        int // moments by which frames have come later since the start
		due          int
		first, count int // of the piece: a number, 0 for silence
	}{
		{"the beginning", 0, 0, 1, 160},
		{"goes on", 0, 160, 161, 160},
		{"skips what is over", 0, 400, 401, 160},
		{"is silent while frames wait", 100, 560, 0, 100},
		{"goes on behind it", 100, 660, 561, 160},
		{"waits longer than a piece", 400, 820, 0, 160},
		{"and on", 400, 980, 0, 140},
		{"goes on again", 400, 1120, 721, 160},
		{"ends with less", 400, 1280, 881, 120},
	} {
		s.follow(at(tt.moved))
		piece, err := s.next(at(tt.due))
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		if got := int(binary.LittleEndian.Uint16(piece)); got != tt.first || len(piece) != 2*tt.count {
			t.Errorf("%s: got %d samples from %d on, want %d from %d on", tt.what, len(piece)/2, got, tt.count, tt.first)
		}
	}
	if _, err := s.next(at(1400)); err != io.EOF {
		t.Errorf("after the end: got %v, want io.EOF", err)
	}
}

// TestPushSoundSends: the sound comes to the server, also when that does not take it at first; a refusal ends it, with a notice.
func TestPushSoundSends(t *testing.T) {
	patience.Grow(t, 500*time.Millisecond, pushSoundSends)
}

func pushSoundSends(t testing.TB, limit time.Duration) {
	samples := int(min(limit, 8*time.Second).Seconds() * 8000) // Their numbers have 16 bits.
	for _, refuse := range []int{0, http.StatusServiceUnavailable, http.StatusConflict} {
		var requests atomic.Int32
		got := make(chan []byte, 100)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 && refuse != 0 {
				http.Error(w, "no", refuse)
				return
			}
			if r.URL.Path != "/v1/streams/cam/sound" || r.URL.RawQuery != "channels=1&continuous=true&format=s16le&rate=8000" {
				t.Errorf("got %s, want the sound of cam, 8 kHz", r.URL)
			}
			body, _ := io.ReadAll(r.Body) // An error is of a sender that was held up, and comes again.
			got <- body
		}))
		target, err := ParsePushTarget(server.URL, "cam", "-")
		if err != nil {
			t.Fatal(err)
		}
		noticed := make(chan string, 1)
		run := &pushRun{Push: &Push{Targets: []*PushTarget{target}, Notice: func(text string) { noticed <- text }}, meter: newPushMeter(nil), servers: newPushServers([]*PushTarget{target})}
		wav := append(sound.AppendHeader(nil, 8000, 1), numberedSound(samples)...)
		s := newPushSound(run, bytes.NewReader(wav))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.send(context.Background())
		}()
		s.follow(time.Now().Add(limit / 5))
		<-ended
		switch refuse {
		case http.StatusConflict:
			select {
			case <-noticed:
			default:
				t.Error("refused: got no notice")
			}
		case 0:
			server.Close() // waits for its handlers
			close(got)
			heard := 0
			for body := range got { // more than one of a sender that was held up
				body = bytes.TrimLeft(body, "\x00") // before the start
				if heard += len(body) / 2; len(body) < 2 {
					continue
				}
				first := int(binary.LittleEndian.Uint16(body))
				if want := numberedSound(samples)[2*(first-1):]; len(body) > len(want) || !bytes.Equal(body, want[:len(body)]) {
					t.Errorf("got %d samples from %d on, want each after the other", len(body)/2, first)
				}
			}
			if heard == 0 {
				t.Error("got no sample")
			}
		default:
			if requests.Load() < 2 {
				t.Errorf("got %d requests, want another after %d", requests.Load(), refuse)
			}
		}
		server.Close()
		run.meter.close()
	}
}
