package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// testAPI is the HTTP API of a server under test.
type testAPI struct {
	*Handler
	t   testing.TB
	url string
	log *bytes.Buffer // to be read when the API is closed
}

// newTestAPI returns an API with the settings that change makes of the defaults, and the stream "cam". When the test
// ends nothing may be leased or admitted any more.
func newTestAPI(t testing.TB, change func(*config.Config)) *testAPI {
	t.Helper()
	c := config.Default()
	c.Streams = config.Streams{"cam": {}}
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	e := engine.New(c, metrics.New(), nil)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	l, err := live.New(e, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	who, err := auth.New(c, logger)
	if err != nil {
		t.Fatal(err)
	}
	f := &testAPI{Handler: NewHandler(e, l, who, logger), t: t, log: &log}
	s := httptest.NewServer(f)
	f.url = s.URL
	t.Cleanup(func() {
		e.Drain()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		cancel()
		running.Wait()
		e.Close()
		if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
			t.Errorf("in the end: %s", leaks)
		}
		if t.Failed() {
			t.Logf("log:\n%s", &log)
		}
	})
	return f
}

// small is the geometry of frames here: large enough for synth.Index.
var small = frame.Desc{Format: frame.Gray8, Width: 64, Height: 32}

// rawFrame returns a frame of small that carries n.
func rawFrame(t testing.TB, n int) []byte {
	t.Helper()
	pix := make([]byte, small.Width*small.Height)
	f, err := frame.WrapBytes(small, pix)
	if err != nil {
		t.Fatal(err)
	}
	synth.Fill(&f, synth.Index(small.Width, small.Height, n))
	return pix
}

// jpegFrame returns a JPEG that carries n.
func jpegFrame(t testing.TB, n int) []byte {
	t.Helper()
	m := &image.Gray{Pix: rawFrame(t, n), Stride: small.Width, Rect: image.Rect(0, 0, small.Width, small.Height)}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// y4mFrames returns a Y4M stream of frames that carry the numbers.
func y4mFrames(t testing.TB, numbers ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := ingest.NewY4MWriter(&b, small, 25, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		f, err := frame.WrapBytes(small, rawFrame(t, n))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// jpegPart returns a part of a multipart stream with the boundary "frame".
func jpegPart(jpeg []byte) []byte {
	return fmt.Appendf(nil, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(jpeg), jpeg)
}

// reply is the response to a request.
type reply struct {
	status int
	problem
	published
}

// send sends body, a []byte or an io.Reader of unknown length, and returns the response.
func (f *testAPI) send(method, path, contentType string, body any) reply {
	f.t.Helper()
	reader, ok := body.(io.Reader)
	if !ok {
		reader = bytes.NewReader(body.([]byte))
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, reader)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Error(err)
		return reply{}
	}
	defer response.Body.Close()
	a := reply{status: response.StatusCode}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Error(err)
	}
	var into any = &a.published
	if strings.HasSuffix(response.Header.Get("Content-Type"), "problem+json") {
		into = &a.problem
	}
	if err := json.Unmarshal(data, into); err != nil {
		f.t.Errorf("got %q: %v", data, err)
	}
	return a
}

// waitFor waits until cond holds.
func (f *testAPI) waitFor(what string, cond func() bool) {
	f.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			f.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// view returns a viewer of the stream, which ends with the test.
func (f *testAPI) view(name string) *stream.Viewer {
	f.t.Helper()
	v, err := f.live.Hub.View(name, stream.ViewerOptions{Transport: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(v.Close)
	return v
}

// wantFrame waits until the viewer is given an image that carries n.
func (f *testAPI) wantFrame(v *stream.Viewer, n int) stream.Image {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	for {
		p, err := v.Next(ctx)
		if err != nil {
			f.t.Fatalf("waiting for frame %d: %v", n, err)
		}
		img, err := jpeg.Decode(bytes.NewReader(p.Buf.Bytes()))
		if err != nil {
			f.t.Fatal(err)
		}
		got, err := synth.ReadIndex(img)
		p.Release()
		if err == nil && got == n {
			return p
		}
	}
}
