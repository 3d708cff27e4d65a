package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// mjpegViewer connects a viewer that has asked for a stream and reads nothing yet.
func (s *served) mjpegViewer(t testing.TB, name string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, "GET /stream/%s.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n", name); err != nil {
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

// A viewer that takes nothing is disconnected after live.stall. One that takes little is not: it gets fewer images, whole
// and new ones. What the others see meanwhile is looked at by TestLiveSoak.
func TestWatchSlowViewers(t *testing.T) {
	t.Parallel()
	const (
		fps        = 25
		imageBytes = 40_000
		slowBytes  = 200_000 // a second: a fifth of the stream
		images     = 1000
		onTheWay   = 15 // images that it may have to read before one that is the newest: 3 s of its reading
	)
	s := serve(t, "--set", "live.stall=4s")
	f := s.feed(t, "cam1", fps, indexed(t, images, imageBytes))
	stalled, slow := s.mjpegViewer(t, "cam1"), s.mjpegViewer(t, "cam1")
	if err := stalled.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "both watch", func() bool { return len(s.Stream(t, "cam1").Viewers) == 2 })

	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	response, err := http.ReadResponse(bufio.NewReader(paced{slow, tick, slowBytes / 50}), nil)
	if err != nil {
		t.Fatal(err)
	}
	const after = 5 // images that the slow one still gets after the stalled one is disconnected
	var indices []int
	alone, newest, more := 0, -1, 0
	older := func() bool { // than the newest: they begin anew
		behind := (newest - indices[len(indices)-1] + images) % images
		return behind > 0 && behind < images/2
	}
	eachPart(t, bufio.NewReader(response.Body), func(_ textproto.MIMEHeader, data []byte) bool {
		indices = append(indices, indexOfJPEG(t, data))
		if newest >= 0 {
			more++
			return older() && more < onTheWay
		}
		if _, there := s.Viewer(t, "cam1", stalled); !there {
			alone++
		} else if time.Since(began) > 2*time.Minute {
			t.Fatal("the stalled viewer is there still, two minutes after")
		}
		if alone == after {
			newest = int(f.sent.Load()-1) % images
		}
		return true
	})
	v, there := s.Viewer(t, "cam1", slow)
	// It began with images that waited for it: those that it gets now are new.
	if !there || older() || v.Dropped == 0 {
		t.Errorf("the slow viewer: got image %d after %d more, with %d the newest before them, %d dropped; want it to be new", indices[len(indices)-1], more, newest, v.Dropped)
	}
	wantLive(t, indices, after)
	t.Logf("the slow viewer saw %d of %d images in %v", len(indices), f.sent.Load(), time.Since(began).Round(time.Millisecond))
}

// When the server stops, viewers get the image that they are being given to its end, and one that takes nothing is
// not waited for.
func TestWatchDrain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.feed(t, "cam1", 50, indexed(t, 500, 200_000))
	s.mjpegViewer(t, "cam1") // It reads nothing.
	var reading sync.WaitGroup
	for i := range 12 {
		c := s.mjpegViewer(t, "cam1")
		reading.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			response, err := http.ReadResponse(bufio.NewReader(paced{c, tick, 1000 + i*4000}), nil) // from 1 to 45 MB/s
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || !bytes.HasSuffix(body, []byte("\xff\xd9\r\n--frame\r\n")) {
				t.Errorf("a viewer of %d bytes a ms: got %d bytes, %v, which do not end between two images", 1000+i*4000, len(body), err)
			}
		})
	}
	daemon.WaitFor(t, "all are given images", func() bool {
		given := 0
		for _, v := range s.Stream(t, "cam1").Viewers {
			if v.Delivered > 2 {
				given++
			}
		}
		return given == 12
	})
	s.AskToEnd()
	reading.Wait()
	<-s.Done
	if log := s.Log.String(); !strings.Contains(log, `"complete":true`) {
		t.Errorf("want the server to end without cutting viewers at drain_timeout:\n%s", log)
	}
}
