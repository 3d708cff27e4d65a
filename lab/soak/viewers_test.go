package soak

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// scripts/soak-live sets these, and scripts/soak the first.
var (
	soakFor     = flag.Duration("soak-for", 0, "how long TestLiveSoak lasts, 0: until some seconds of it were good; or the mixed load of TestSoak, 0: some seconds")
	soakViewers = flag.Int("soak-viewers", 48, "healthy viewers of TestLiveSoak")
	soakChurn   = flag.Int("soak-churn", 10, "how many of them leave and are followed by others, a second")
	soakSource  = flag.String("soak-source", "testsrc", "what they watch, as serve --stream has it: 25 frames a second")
)

const soakName = "soak"

// TestLiveSoak: many viewers of one stream, some of them leaving and coming all the time, beside one that reads nothing
// and one that reads 200 kB a second. The healthy ones see 98 % of what is published, 24.5 images of 25; the slow one
// gets fewer and fresh ones; neither it nor the stalled one is cut off or holds more than an image of memory; and at
// the end nothing is left.
//
// The short form looks at that for two seconds, and again if it was not so, since other tests and programs may want the
// processors meanwhile. The long form, scripts/soak-live, is for a machine with nothing else to do. It looks once, for
// all of the time.
func TestLiveSoak(t *testing.T) {
	long := *soakFor > 0
	if !long {
		t.Parallel()
	}
	s := serve(t, nil, "--stream", soakName+"="+*soakSource, "--set", "live.max_viewers=10000", "--set", "live.stall=1h")
	begin := s.Stats(t)
	crowd := newCrowd(t, s, soakName, *soakViewers)
	daemon.WaitFor(t, "healthy viewers", func() bool { return crowd.all(25) })
	held := s.leastHeld(t)
	slow, stalled := s.view(t, soakName, 200_000), s.view(t, soakName, 200_000)
	slow.begin()
	daemon.WaitFor(t, "a stalled viewer", func() bool {
		known, _ := s.Viewer(t, soakName, stalled.conn)
		return known.Dropped > 10
	})

	l := soakLook{s: s, crowd: crowd, slow: slow, stalled: stalled}
	for look := 1; ; look++ {
		l.look(t, max(*soakFor, 2*time.Second))
		if long || len(l.wrong) == 0 || look == 12 {
			break
		}
	}
	for _, wrong := range l.wrong {
		t.Error(wrong)
	}
	if l.held > held+2 {
		t.Errorf("with a slow and a stalled viewer at least %d buffers were in use, %d before: want at most one more for each", l.held, held)
	}
	// One that wakes up sees what it was sent, what the server held for it, and then the newest.
	published := s.Stream(t, soakName).Published
	stalled.begin()
	daemon.WaitFor(t, "a stalled viewer to go on", func() bool { return stalled.sight().last > published })

	stalled.close()
	slow.close()
	crowd.close()
	var end daemon.Stats
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("at the beginning %+v, at the end %+v", begin, end)
		}
	})
	daemon.WaitFor(t, "nothing in use", func() bool { // at the beginning not all of the server's own goroutines were there: some more than then are none of viewers
		end = s.Stats(t)
		return end.Live.Viewers == 0 && end.Pool.InUse == 0 && end.Goroutines < begin.Goroutines+10
	})
	if published := s.Stream(t, soakName).Published; end.Frames.OK != published || end.Frames.Failed != 0 {
		t.Errorf("got %d images made and %d failed for %d published, want one each", end.Frames.OK, end.Frames.Failed, published)
	}
}

// soakLook is what is seen of a soak for a while.
type soakLook struct {
	s             *served
	crowd         *crowd
	slow, stalled *liveViewer

	held     int       // the least number of buffers in use
	resident []float64 // bytes, every five seconds
	wrong    []string  // what should not be
}

// look watches for a while.
func (l *soakLook) look(t *testing.T, d time.Duration) {
	l.held, l.resident, l.wrong = math.MaxInt, nil, nil
	before := l.s.Stream(t, soakName)
	stalledBefore, _ := l.s.Viewer(t, soakName, l.stalled.conn)
	l.crowd.mark()
	l.slow.mark()
	begin := time.Now()
	l.churn(t, begin.Add(d))
	seconds := time.Since(begin).Seconds()

	shares, slow := l.crowd.shares(), l.slow.sight()
	published := float64(l.s.Stream(t, soakName).Published - before.Published)
	stalled, there := l.s.Viewer(t, soakName, l.stalled.conn)
	if len(shares) == 0 {
		l.want(false, "got no healthy viewer that had been there for 25 images, want %d", *soakViewers)
		return
	}
	t.Logf("%.1f s of %.2f images a second: %d healthy viewers saw %.1f %% of them, the worst %.1f %%; the slow one %.1f a second, after %v at most; %d buffers were in use at the least",
		seconds, published/seconds, len(shares), 100*shares[len(shares)/2], 100*shares[0], float64(slow.seen)/seconds, slow.delay.Round(time.Millisecond), l.held)
	l.want(shares[0] >= 0.98, "the worst of the healthy viewers saw %.1f %% of the images, want 98 %%", 100*shares[0])
	l.want(published/seconds >= 24.5 || *soakFor == 0, "got %.2f images a second, want 24.5", published/seconds)
	l.want(published > 0, "nothing was published")
	l.want(float64(slow.seen) >= seconds, "the slow viewer: got %d images in %.1f s, want one a second or more", slow.seen, seconds)
	// What may lie on its way takes less than a second at 200 kB/s; a buffer without a bound would take ten.
	l.want(slow.delay < 4*time.Second, "the slow viewer: got images %v after their capture, want less than 4 s", slow.delay)
	l.want(there, "the stalled viewer was cut off")
	l.want(stalled.Delivered == stalledBefore.Delivered, "the stalled viewer was given images: got %d after %d", stalled.Delivered, stalledBefore.Delivered)
	if n := len(l.resident); n >= 8 {
		rise := slices.Max(l.resident[n/2:]) - slices.Max(l.resident[n/4:n/2])
		l.want(rise < 4e6, "resident set: got %.1f MB more in the second half than in the quarter before it, want less than 4", rise/1e6)
	}
}

// churn lets viewers leave and come until the end, and looks at the server meanwhile.
func (l *soakLook) churn(t *testing.T, end time.Time) {
	begin, told := time.Now(), time.Time{}
	churn, tick := time.NewTicker(time.Second/time.Duration(*soakChurn)), time.NewTicker(50*time.Millisecond)
	defer churn.Stop()
	defer tick.Stop()
	for time.Now().Before(end) {
		select {
		case <-churn.C:
			l.crowd.replaceOldest()
			continue
		case <-tick.C:
		}
		now, st := time.Now(), l.s.Stats(t)
		l.held = min(l.held, st.Pool.Leased())
		if *soakFor == 0 || now.Sub(told) < 5*time.Second {
			continue
		}
		told = now
		l.resident = append(l.resident, float64(st.Resident))
		fmt.Fprintf(os.Stderr, "%5.0f s  %4.1f fps  %4d viewers  %3d buffers in use, %4.1f MB  RSS %5.1f MB  %5d goroutines\n",
			now.Sub(begin).Seconds(), l.s.Stream(t, soakName).FPSOut, st.Live.Viewers, st.Pool.Leased(), float64(st.Pool.InUse)/1e6, float64(st.Resident)/1e6, st.Goroutines)
	}
}

// want notes what is wrong, unless ok.
func (l *soakLook) want(ok bool, format string, args ...any) {
	if !ok {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// leastHeld returns the least number of buffers that are in use within some frames.
func (s *served) leastHeld(t *testing.T) int {
	t.Helper()
	least, looks := math.MaxInt, 0
	daemon.WaitFor(t, "some looks at the pool", func() bool {
		least = min(least, s.Stats(t).Pool.Leased())
		looks++
		return looks == 50
	})
	return least
}

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
