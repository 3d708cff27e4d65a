package soak

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
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
		if long || len(l.wrong) == 0 || look == 4 {
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
