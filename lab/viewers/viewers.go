// Package viewers puts viewers on a live stream of a server, this one or another that has MJPEG over HTTP, and measures what they
// get and what they cost.
package viewers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/pool"
)

// Options are what is measured.
type Options struct {
	URLs     []string      // of a multipart stream of JPEGs, http://; of several servers, whose viewers are as many
	Viewers  int           // 1 or more
	Duration time.Duration // of the measurement, which begins when each viewer has had its first bytes and a second has passed
	PID      int           // of the server, whose processor time and memory are measured; 0: not
	Token    string        // sent as Authorization: Bearer, unless it is empty
}

// Result is what was measured.
type Result struct {
	Viewers int     `json:"viewers"`
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`   // read by all viewers together, heads included
	Counted int     `json:"counted"` // viewers whose images were read as such; the others read bytes alone
	// Of counted viewers: images of the slowest and the fastest, and the 99th percentile and most of the time between two images.
	Least   int     `json:"images_least"`
	Most    int     `json:"images_most"`
	GapP99  float64 `json:"gap_p99_ms"`
	GapMost float64 `json:"gap_max_ms"`
	// Of the images of counted viewers whose parts say when they were captured (X-Timestamp): how old they were. The clocks must agree.
	Dated   int     `json:"images_dated"`
	AgeP50  float64 `json:"age_p50_ms"`
	AgeP99  float64 `json:"age_p99_ms"`
	AgeMost float64 `json:"age_max_ms"`
	// Of the bytes that viewers got: of the one with the fewest, as a part of that with the most. Where the server leaves images out
	// for some viewers, it is below 1.
	Evenness float64 `json:"evenness"`
	// Of the server, where PID is not 0.
	CPU float64 `json:"server_cpu_seconds"`
	RSS uint64  `json:"server_rss_bytes"` // at the end
}

// countedShare is how many viewers there are for one whose images are counted: to find images costs this program more than to
// drop bytes does.
const countedShare = 50

// warmTime passes between the first bytes of the last viewer and the measurement.
const warmTime = time.Second

// dialTime is the most that a viewer waits for its connection and for the head of the response.
const dialTime = 10 * time.Second

// Run watches and measures.
func Run(ctx context.Context, o Options) (Result, error) {
	var targets []*url.URL
	for _, text := range o.URLs {
		target, err := url.Parse(text)
		if err != nil || target.Scheme != "http" || target.Host == "" {
			return Result{}, fmt.Errorf("got the URL %q, want one such as http://127.0.0.1:8080/stream/cars.mjpg", text)
		}
		targets = append(targets, target)
	}
	if len(targets) == 0 {
		return Result{}, errors.New("got no URL, want that of a stream")
	}
	if o.PID != 0 {
		if _, _, err := measure.SpentBy(o.PID); err != nil {
			return Result{}, err
		}
	}
	p := pool.New(nil)
	ctx, cancel := context.WithCancelCause(ctx)
	w := watch{options: &o, pool: p, viewers: make([]viewer, o.Viewers)}
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil) // ends them
	for i := range w.viewers {
		v := &w.viewers[i]
		v.target = targets[i%len(targets)]
		v.counts = i/len(targets)%countedShare == 0
		if err := w.dial(ctx, v); err != nil {
			if ctx.Err() != nil {
				return Result{}, context.Cause(ctx)
			}
			return Result{}, fmt.Errorf("viewer %d of %d: %w", i+1, o.Viewers, err)
		}
		running.Go(func() {
			if err := w.read(v); ctx.Err() == nil {
				cancel(fmt.Errorf("viewer %d of %d: the stream ended: %w", i+1, o.Viewers, err))
			}
		})
		context.AfterFunc(ctx, func() { _ = v.conn.Close() })
	}
	if err := pause.For(ctx, warmTime); err != nil {
		return Result{}, err
	}
	return w.measure(ctx)
}

// watch is a run.
type watch struct {
	options   *Options
	pool      *pool.Pool
	viewers   []viewer
	measuring atomic.Bool
}

// viewer is a connection on which a stream comes.
type viewer struct {
	target *url.URL
	conn   net.Conn
	rest   *bufio.Reader // what came with the head, and then conn
	body   io.ReadCloser
	kind   string // Content-Type
	counts bool

	bytes atomic.Int64 // of viewers that do not count: read so far

	mu     sync.Mutex // guards what follows, of viewers that count
	images int        // while measuring
	last   time.Time  // when the last image came
	gaps   []time.Duration
	ages   []time.Duration
}

// dial asks for the stream and reads the head of the response.
func (w *watch) dial(ctx context.Context, v *viewer) error {
	address := v.target.Host
	if v.target.Port() == "" {
		address = net.JoinHostPort(v.target.Hostname(), "80")
	}
	d := net.Dialer{Timeout: dialTime}
	var err error
	if v.conn, err = d.DialContext(ctx, "tcp", address); err != nil {
		return err
	}
	ok := false
	defer func() {
		if !ok {
			_ = v.conn.Close()
		}
	}()
	if err := v.conn.SetDeadline(time.Now().Add(dialTime)); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.target.String(), nil)
	if err != nil {
		return err
	}
	if w.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+w.options.Token)
	}
	if err := r.Write(v.conn); err != nil {
		return err
	}
	v.rest = bufio.NewReader(countedConn{v.conn, &v.bytes})
	response, err := http.ReadResponse(v.rest, r)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return fmt.Errorf("got %s: %s", response.Status, text)
	}
	v.body, v.kind = response.Body, response.Header.Get("Content-Type")
	ok = true
	return v.conn.SetDeadline(time.Time{})
}

// read reads a viewer's stream until it ends.
func (w *watch) read(v *viewer) error {
	if !v.counts {
		return w.drop(v)
	}
	_, params, err := mime.ParseMediaType(v.kind)
	if err != nil || params["boundary"] == "" {
		return fmt.Errorf("got Content-Type %q, want multipart with a boundary", v.kind)
	}
	images := ingest.NewMultipart(v.body, params["boundary"], w.pool, ingest.Limits{})
	for {
		if err := images.Await(); err != nil {
			return err
		}
		captured := images.Captured()
		image, err := images.Next()
		if err != nil {
			return err
		}
		image.Buf.Release()
		v.took(w.measuring.Load(), captured)
	}
}

// took counts an image that was captured then, in microseconds since the Unix epoch; 0: it is not known.
func (v *viewer) took(measuring bool, captured int64) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if measuring {
		v.images++
		v.gaps = append(v.gaps, now.Sub(v.last))
		if captured != 0 {
			v.ages = append(v.ages, now.Sub(time.UnixMicro(captured)))
		}
	}
	v.last = now
}

// drop reads bytes and drops them, as cheaply as the system can.
func (w *watch) drop(v *viewer) error {
	if _, err := v.rest.Discard(v.rest.Buffered()); err != nil {
		return err
	}
	return discard(v.conn.(*net.TCPConn), &v.bytes)
}

// countedConn counts the bytes that are read from a connection.
type countedConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// measure measures for the duration.
func (w *watch) measure(ctx context.Context) (r Result, err error) {
	r.Viewers = len(w.viewers)
	before := make([]int64, len(w.viewers))
	for i := range w.viewers {
		before[i] = w.viewers[i].bytes.Load()
	}
	cpu, _, err := w.server()
	if err != nil {
		return r, err
	}
	begin := time.Now()
	w.measuring.Store(true)
	err = pause.For(ctx, w.options.Duration)
	w.measuring.Store(false)
	r.Seconds = time.Since(begin).Seconds()
	if err != nil {
		return r, err
	}
	after, rss, err := w.server()
	if err != nil {
		return r, err
	}
	r.CPU, r.RSS = (after - cpu).Seconds(), rss
	least, most := int64(0), int64(0)
	var gaps, ages []time.Duration
	for i := range w.viewers {
		v := &w.viewers[i]
		n := v.bytes.Load() - before[i]
		r.Bytes += n
		if i == 0 || n < least {
			least = n
		}
		most = max(most, n)
		if !v.counts {
			continue
		}
		v.mu.Lock()
		if r.Counted == 0 || v.images < r.Least {
			r.Least = v.images
		}
		r.Most = max(r.Most, v.images)
		gaps, ages = append(gaps, v.gaps...), append(ages, v.ages...)
		v.mu.Unlock()
		r.Counted++
	}
	if most > 0 {
		r.Evenness = float64(least) / float64(most)
	}
	if len(gaps) > 0 {
		slices.Sort(gaps)
		r.GapP99, r.GapMost = milliseconds(gaps[(len(gaps)*99-1)/100]), milliseconds(gaps[len(gaps)-1])
	}
	if r.Dated = len(ages); r.Dated > 0 {
		slices.Sort(ages)
		r.AgeP50, r.AgeP99, r.AgeMost = milliseconds(ages[(len(ages)-1)/2]), milliseconds(ages[(len(ages)*99-1)/100]), milliseconds(ages[len(ages)-1])
	}
	if r.Least == 0 {
		return r, errors.New("a viewer got no image: does the stream have frames?")
	}
	return r, nil
}

// server returns what the server has spent, and its memory.
func (w *watch) server() (cpu time.Duration, rss uint64, err error) {
	if w.options.PID == 0 {
		return 0, 0, nil
	}
	return measure.SpentBy(w.options.PID)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// String says r in words.
func (r Result) String() string {
	images := fmt.Sprintf("%.1f", float64(r.Least)/r.Seconds)
	if r.Most != r.Least {
		images += fmt.Sprintf(" to %.1f", float64(r.Most)/r.Seconds)
	}
	gigabits := float64(r.Bytes) * 8 / 1e9
	s := fmt.Sprintf("%d viewers, %s images a second each (of %d that were counted), P99 of the time between two %.0f ms, most %.0f\n",
		r.Viewers, images, r.Counted, r.GapP99, r.GapMost) +
		fmt.Sprintf("sent %.2f Gbit/s; the viewer with the fewest bytes got %.1f %% of those of the one with the most", gigabits/r.Seconds, 100*r.Evenness)
	if r.Dated > 0 {
		s += fmt.Sprintf("\nage of images: P50 %.1f ms, P99 %.1f, most %.1f (of %d)", r.AgeP50, r.AgeP99, r.AgeMost, r.Dated)
	}
	if r.CPU > 0 {
		share := r.CPU / r.Seconds
		s += fmt.Sprintf("\nserver: %.1f %% of a core, %.4f %% for each viewer, %.1f Gbit/s for a core, RSS %.0f MiB",
			100*share, 100*share/float64(r.Viewers), gigabits/r.CPU, float64(r.RSS)/(1<<20))
	}
	return s
}
