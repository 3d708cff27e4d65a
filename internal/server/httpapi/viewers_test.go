package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// fixture is a Handler behind a server, and a Hub to be fed by the test.
type fixture struct {
	*viewers
	addr    string
	engine  *engine.Engine
	hub     *stream.Hub
	pool    *pool.Pool
	pending sync.WaitGroup // requests being served
	log     logtest.Buffer
	other   http.HandlerFunc // what else the server serves
}

// newFixture starts a server. When t ends it must stop, and p, nil for a checked pool, must be at rest.
func newFixture(t testing.TB, p *pool.Pool, set func(*config.Config, *stream.Options)) *fixture {
	t.Helper()
	if p == nil {
		p = pooltest.New(t, nil)
	}
	c, o := config.Default(), stream.Options{OfflineAfter: time.Hour}
	if set != nil {
		set(&c, &o)
	}
	f := &fixture{engine: engine.New(c, metrics.New(), nil), hub: stream.New(o), pool: p}
	f.viewers = newViewers(f.engine, f.hub, slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	server := httptest.NewUnstartedServer(f)
	_ = server.Listener.Close()
	l, err := conn.Listen("http.listen", "127.0.0.1:0", conn.Options{MaxConnections: 1000, TLS: serverTLS()})
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = conn.ReadAhead(l)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetHTTP2(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	f.addr = server.Listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	running := make(chan struct{})
	go func() {
		defer close(running)
		f.hub.Run(ctx)
	}()
	t.Cleanup(func() {
		f.engine.Drain()
		cancel()
		server.Close()
		f.wait(context.Background())
		<-running
		f.pending.Wait()
		f.engine.Close()
	})
	return f
}

// ServeHTTP is part of http.Handler.
func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.pending.Add(1)
	defer f.pending.Done()
	path, _ := strings.CutPrefix(r.URL.Path, "/")
	kind, name, _ := strings.Cut(path, "/")
	var err error
	switch kind {
	case "stream":
		err = f.mjpeg(w, r, strings.TrimSuffix(name, ".mjpg"))
	case "snapshot":
		err = f.snapshot(w, r, strings.TrimSuffix(strings.TrimSuffix(name, ".jpg"), ".png"))
	case "record":
		out := &writer{ResponseWriter: w}
		if err = f.record(out, r, name); err != nil && out.wrote {
			panic(http.ErrAbortHandler) // as Handler has it
		}
	case "ws":
		err = f.webSocket(w, r)
	case "list":
		err = f.streams(w, r)
	case "one":
		err = f.stream(w, r, name)
	case "other":
		f.other(w, r)
	}
	if err != nil {
		e := fault.From(err)
		w.Header().Set("Fault", e.Kind.String())
		http.Error(w, e.Error(), http.StatusTeapot)
	}
}

// publisher makes the test the publisher of a stream.
func (f *fixture) publisher(t testing.TB, name string) *stream.Publisher {
	t.Helper()
	p, err := f.hub.Publish(name, stream.PublisherOptions{Source: "test", Format: "index"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// publish publishes a copy of a JPEG.
func (f *fixture) publish(t testing.TB, p *stream.Publisher, data []byte) {
	t.Helper()
	b, err := f.pool.Get(len(data))
	if err != nil {
		t.Fatal(err)
	}
	copy(b.Bytes(), data)
	if err := p.Publish(stream.Image{Buf: b, Width: imageWidth, Height: imageHeight}); err != nil {
		t.Fatal(err)
	}
}

// feed publishes images over and over, fps a second, until t or the returned function ends it.
func (f *fixture) feed(t testing.TB, p *stream.Publisher, fps int, images [][]byte) (stop func()) {
	t.Helper()
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second / time.Duration(fps))
		defer tick.Stop()
		for i := 0; ; i++ {
			f.publish(t, p, images[i%len(images)])
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(ended); <-stopped })
	t.Cleanup(stop)
	return stop
}

// viewerCount returns how many viewers a stream has.
func (f *fixture) viewerCount(name string) int {
	info, _ := f.hub.Info(name)
	return len(info.Viewers)
}

const imageWidth, imageHeight = 64, 32

// images returns n JPEGs that carry their index.
func images(t testing.TB, n int) [][]byte { return imagesOf(t, imageWidth, imageHeight, n) }

func imagesOf(t testing.TB, w, h, n int) [][]byte {
	t.Helper()
	d := frame.Desc{Format: frame.BGR24, Width: w, Height: h}
	p, err := pipeline.Compile(pipeline.Spec{Input: d, Output: pipeline.Output{Quality: 90}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]byte, n)
	for i := range out {
		fr, err := frame.WrapBytes(d, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		synth.Fill(&fr, synth.Index(w, h, i))
		b := pipeline.Batch{In: []frame.Frame{fr}}
		if err := p.Run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if b.Out[0].Err != nil {
			t.Fatal(b.Out[0].Err)
		}
		out[i] = bytes.Clone(b.Out[0].Bytes())
		b.Release()
	}
	return out
}

// imageIndex returns the index that a JPEG carries.
func imageIndex(t testing.TB, data []byte) int {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	n, err := synth.ReadIndex(img)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dial connects to the server and sends the head of a request.
func (f *fixture) dial(t testing.TB, format string, args ...any) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := dialTCP(t, f.addr)
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, format+"\r\nHost: localhost\r\n\r\n", args...)
	return c, bufio.NewReader(c)
}

// get asks for a path, and returns the response and all of its body.
func (f *fixture) get(t testing.TB, method, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, scheme()+f.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: clientTLS()}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
