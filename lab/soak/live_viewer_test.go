package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// liveViewer is an MJPEG client that notes which images it sees.
type liveViewer struct {
	conn net.Conn
	in   *bufio.Reader
	tick *time.Ticker  // of a slow one
	done chan struct{} // closed when the reading has ended; nil before it begins

	mu    sync.Mutex
	from  uint64        // the image seen before all that are counted
	last  uint64        // the last one
	seen  uint64        // how many different ones since from
	delay time.Duration // the longest of theirs, from capture to here
}

// view connects a viewer of a stream that reads at most so many bytes a second, 0: as many as come. It reads nothing
// before begin.
func (s *served) view(t *testing.T, name string, bytesPerSecond int) *liveViewer {
	t.Helper()
	conn, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	v := &liveViewer{conn: conn}
	t.Cleanup(v.close)
	var from io.Reader = conn
	if bytesPerSecond > 0 {
		v.tick = time.NewTicker(50 * time.Millisecond)
		from = paced{conn, v.tick, bytesPerSecond / 20}
		// What it has not read yet is to wait at the server. In a smaller buffer Linux drops what comes, and minutes
		// later the server tries again.
		if err := conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
			t.Fatal(err)
		}
	}
	v.in = bufio.NewReaderSize(from, 64<<10)
	if _, err := fmt.Fprintf(conn, "GET /stream/%s.mjpg?extra_headers=1 HTTP/1.1\r\nHost: %s\r\n\r\n", name, s.HTTP); err != nil {
		t.Fatal(err)
	}
	return v
}

// begin reads images from now on.
func (v *liveViewer) begin() {
	v.done = make(chan struct{})
	go func() {
		defer close(v.done)
		for v.part() == nil {
		}
	}()
}

// close ends the connection, and returns when the reading has ended.
func (v *liveViewer) close() {
	v.conn.Close()
	if v.done != nil {
		<-v.done
	}
	if v.tick != nil {
		v.tick.Stop()
	}
}

// part reads the head of a part, or of the response, and the image after it.
func (v *liveViewer) part() error {
	var seq uint64
	var size int
	var captured time.Time
	for {
		line, err := v.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == len("\r\n") {
			break
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch string(name) {
		case "Content-Length":
			size, err = strconv.Atoi(string(value))
		case "X-Steadyframe-Sequence":
			seq, err = strconv.ParseUint(string(value), 10, 64)
		case "X-Timestamp":
			var seconds float64
			seconds, err = strconv.ParseFloat(string(value), 64)
			captured = time.UnixMicro(int64(seconds * 1e6))
		}
		if err != nil {
			return err
		}
	}
	if _, err := v.in.Discard(size); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq <= v.last { // a repeat, or no image
		return nil
	}
	if v.last == 0 {
		v.from = seq - 1
	}
	v.last = seq
	v.seen++
	v.delay = max(v.delay, time.Since(captured))
	return nil
}

// mark begins to count anew.
func (v *liveViewer) mark() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.from, v.seen, v.delay = v.last, 0, 0
}

// sight is what a viewer has seen since mark.
type sight struct {
	from, last, seen uint64
	delay            time.Duration
}

func (v *liveViewer) sight() sight {
	v.mu.Lock()
	defer v.mu.Unlock()
	return sight{v.from, v.last, v.seen, v.delay}
}

// crowd is viewers that see everything, as many at any time.
type crowd struct {
	t       *testing.T
	s       *served
	name    string
	viewers []*liveViewer // the oldest first
}

func newCrowd(t *testing.T, s *served, name string, n int) *crowd {
	c := &crowd{t: t, s: s, name: name}
	for range n {
		c.add()
	}
	return c
}

func (c *crowd) add() {
	v := c.s.view(c.t, c.name, 0)
	v.begin()
	c.viewers = append(c.viewers, v)
}

// replaceOldest lets the oldest viewer leave and another one come.
func (c *crowd) replaceOldest() {
	c.viewers[0].close()
	c.viewers = slices.Delete(c.viewers, 0, 1)
	c.add()
}

func (c *crowd) mark() {
	for _, v := range c.viewers {
		v.mark()
	}
}

// all reports whether all viewers have seen n images.
func (c *crowd) all(n uint64) bool {
	return !slices.ContainsFunc(c.viewers, func(v *liveViewer) bool { return v.sight().seen < n })
}

func (c *crowd) close() {
	for _, v := range c.viewers {
		v.close()
	}
}

// shares returns, sorted, which part of the images each viewer has seen, of those since mark, or since it came. What
// one may just be reading counts as seen. Those that came in the last second are left out.
func (c *crowd) shares() []float64 {
	var newest uint64
	var sights []sight
	for _, v := range c.viewers {
		sights = append(sights, v.sight())
		newest = max(newest, sights[len(sights)-1].last)
	}
	var shares []float64
	for _, s := range sights {
		if there := newest - s.from; s.last > 0 && there >= 25 {
			shares = append(shares, min(1, float64(s.seen+1)/float64(there)))
		}
	}
	slices.Sort(shares)
	return shares
}
