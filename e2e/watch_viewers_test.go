package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"sync"
	"testing"
	"time"
)

// mjpegViewer connects a viewer that has asked for a stream and reads nothing yet.
func (s *served) mjpegViewer(t testing.TB, name string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, "GET /stream/%s.mjpg HTTP/1.1\r\nHost: stream.test\r\n\r\n", name); err != nil {
		t.Fatal(err)
	}
	return c
}

// paced reads at a rate.
type paced struct {
	io.Reader
	tick *time.Ticker
	each int // bytes a tick at most
}

func (p paced) Read(b []byte) (int, error) {
	<-p.tick.C
	return p.Reader.Read(b[:min(len(b), p.each)])
}

// Viewers that take nothing, or little, cost the others nothing: those get every picture. And a viewer that takes little
// gets few, whole and new ones, and is never cut off for it.
func TestWatchSlowViewers(t *testing.T) {
	const (
		fps          = 25
		healthy      = 48
		pictureBytes = 40_000
		slowBytes    = 200_000 // a second: a fifth of the stream
		seconds      = 6
	)
	s := serve(t, "--set", "live.stall=2s")
	pictures := indexed(t, 1000, pictureBytes)
	f := s.feed(t, "cam1", fps, pictures)

	stalled := s.mjpegViewer(t, "cam1")
	if err := stalled.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	slow := s.mjpegViewer(t, "cam1")
	var reading sync.WaitGroup
	for range healthy {
		c := s.mjpegViewer(t, "cam1")
		reading.Go(func() { io.Copy(io.Discard, c) }) // Until t's end.
	}
	waitFor(t, "all watch", func() bool { return len(s.stream(t, "cam1").Viewers) == healthy+2 })

	before, began := s.stream(t, "cam1"), time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	answer, err := http.ReadResponse(bufio.NewReader(paced{slow, tick, slowBytes / 50}), nil)
	if err != nil {
		t.Fatal(err)
	}
	var indices []int
	eachPart(t, bufio.NewReader(answer.Body), func(_ textproto.MIMEHeader, data []byte) bool {
		indices = append(indices, indexOfJPEG(t, data))
		return time.Since(began) < seconds*time.Second
	})
	after := s.stream(t, "cam1")
	published := after.Published - before.Published

	delivered := map[string]uint64{}
	for _, v := range before.Viewers {
		delivered[v.Peer] = v.Delivered
	}
	alive := 0
	for _, v := range after.Viewers {
		switch v.Peer {
		case stalled.LocalAddr().String():
			t.Errorf("the stalled viewer is there still, after three times live.stall")
		case slow.LocalAddr().String():
			alive++
			// It began with pictures that waited for it: those that it gets now are new.
			if behind := int(f.sent.Load()) - indices[len(indices)-1]; behind > 3*fps || v.Dropped == 0 {
				t.Errorf("the slow viewer: got picture %d, %d behind the newest, %d dropped; want it to be new", indices[len(indices)-1], behind, v.Dropped)
			}
		default:
			alive++
			// 24.5 of 25 pictures a second.
			if got := v.Delivered - delivered[v.Peer]; float64(got) < float64(published)*24.5/25 {
				t.Errorf("a healthy viewer: got %d of %d pictures, want 98 %%", got, published)
			}
		}
	}
	if alive != healthy+1 {
		t.Errorf("got %d viewers, want the %d healthy ones and the slow one", alive, healthy)
	}
	wantLive(t, indices, seconds*slowBytes/pictureBytes/3)
	t.Logf("%d pictures in %v; the slow viewer saw %d of them", published, time.Since(began).Round(time.Millisecond), len(indices))
	s.askToEnd()
	reading.Wait() // The end of the server is the end of its viewers.
}

// counters are some of what GET /v1/stats tells.
type counters struct {
	Frames     struct{ OK uint64 }
	Live       struct{ Viewers uint64 }
	Goroutines int
	Pool       struct {
		InUse int64 `json:"in_use"`
	}
}

func (s *served) counters(t testing.TB) (c counters) {
	t.Helper()
	answer, err := http.Get("http://" + s.HTTP + "/v1/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Two hundred viewers of a stream cost one encode a frame; and when they have come and gone, again and again, nothing of
// them is left.
func TestWatchChurn(t *testing.T) {
	s := serve(t, "--stream", "cam1=testsrc:320x180@25")
	before, published := s.counters(t), s.stream(t, "cam1").Published
	var watching sync.WaitGroup
	view := func(pictures int) {
		c := s.mjpegViewer(t, "cam1")
		watching.Go(func() {
			defer c.Close()
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Error(err)
				return
			}
			eachPart(t, bufio.NewReader(answer.Body), func(textproto.MIMEHeader, []byte) bool {
				pictures--
				return pictures > 0
			})
		})
	}
	for range 200 {
		view(50)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range 100 { // 50 a second
		<-tick.C
		view(i % 10)
	}
	watching.Wait()
	waitFor(t, "all have left", func() bool { return s.counters(t).Live.Viewers == 0 })
	after := s.counters(t)
	if encoded, shown := after.Frames.OK-before.Frames.OK, s.stream(t, "cam1").Published-published; encoded < 50 || encoded > shown+2 {
		t.Errorf("got %d frames encoded for %d pictures, want as many, and at least 50", encoded, shown)
	}
	waitFor(t, "nothing is left of them", func() bool {
		now := s.counters(t)
		return now.Goroutines <= before.Goroutines+2 && now.Pool.InUse <= before.Pool.InUse+1<<20
	})
}

// When the server stops, viewers get the picture that they are being given to its end, and one that takes nothing is not
// waited for.
func TestWatchDrain(t *testing.T) {
	s := serve(t)
	s.feed(t, "cam1", 50, indexed(t, 500, 200_000))
	s.mjpegViewer(t, "cam1") // It reads nothing.
	var reading sync.WaitGroup
	for i := range 12 {
		c := s.mjpegViewer(t, "cam1")
		reading.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			answer, err := http.ReadResponse(bufio.NewReader(paced{c, tick, 1000 + i*4000}), nil) // from 1 to 45 MB/s
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || !bytes.HasSuffix(body, []byte("\xff\xd9\r\n--frame\r\n")) {
				t.Errorf("a viewer of %d bytes a ms: got %d bytes, %v, which do not end between two pictures", 1000+i*4000, len(body), err)
			}
		})
	}
	waitFor(t, "all are given pictures", func() bool {
		given := 0
		for _, v := range s.stream(t, "cam1").Viewers {
			if v.Delivered > 2 {
				given++
			}
		}
		return given == 12
	})
	began := time.Now()
	s.askToEnd()
	reading.Wait()
	<-s.done
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the server took %v to end, want a few seconds", took)
	}
}
