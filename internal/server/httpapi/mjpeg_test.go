package httpapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// mjpegReader reads a response strictly by the format.
type mjpegReader struct {
	*bufio.Reader
	t testing.TB
}

// mjpegResponse reads the head of the response and the first boundary.
func mjpegResponse(t testing.TB, r *bufio.Reader) (mjpegReader, string) {
	t.Helper()
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", head.String(), err)
		}
		head.WriteString(line)
	}
	m := mjpegReader{r, t}
	m.expect("--frame\r\n")
	return m, head.String()
}

func (m mjpegReader) expect(want string) {
	m.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(m, got); err != nil || string(got) != want {
		m.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// head reads the head of a part.
func (m mjpegReader) head() (textproto.MIMEHeader, error) {
	return textproto.NewReader(m.Reader).ReadMIMEHeader()
}

// part reads a part with the boundary after it.
func (m mjpegReader) part() (textproto.MIMEHeader, []byte) {
	m.t.Helper()
	h, err := m.head()
	if err != nil {
		m.t.Fatal(err)
	}
	n, err := strconv.Atoi(h.Get("Content-Length"))
	if err != nil {
		m.t.Fatal(err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(m, body); err != nil {
		m.t.Fatal(err)
	}
	m.expect("\r\n--frame\r\n")
	return h, body
}

// until reads parts until one carries the index.
func (m mjpegReader) until(want int) {
	m.t.Helper()
	for last := -1; last != want; {
		_, body := m.part()
		n := imageIndex(m.t, body)
		if n < last || n > want {
			m.t.Fatalf("got image %d after %d, want them to rise to %d", n, last, want)
		}
		last = n
	}
}

// TestMJPEGBytes: the response is, byte for byte, what clients of cameras expect.
func TestMJPEGBytes(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 2)
	captured := time.Unix(1700000000, 42000)
	b, err := f.pool.Get(len(all[0]))
	if err != nil {
		t.Fatal(err)
	}
	copy(b.Bytes(), all[0])
	if err := p.Publish(stream.Image{Buf: b, Captured: captured}); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.1", "1.0"} {
		_, r := f.dial(t, "GET /stream/cam1.mjpg HTTP/%s", version)
		m, head := mjpegResponse(t, r)
		want := regexp.MustCompile(`^HTTP/1\.1 200 OK\r\n` +
			`Cache-Control: no-store, no-cache, must-revalidate\r\nConnection: close\r\n` +
			`Content-Type: multipart/x-mixed-replace; boundary=frame\r\nDate: [^\r]* GMT\r\nPragma: no-cache\r\nX-Accel-Buffering: no\r\n\r\n$`)
		if !want.MatchString(head) {
			t.Errorf("HTTP/%s: got head\n%q, want it to match\n%s", version, head, want)
		}
		m.expect(fmt.Sprintf("Content-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: 1700000000.000042\r\n\r\n%s\r\n--frame\r\n", len(all[0]), all[0]))
	}
	eventually(t, "the first viewers are gone", func() bool { return f.viewerCount("cam1") <= 2 })
}

// TestMJPEGOptions: the options, in ustreamer's spelling.
func TestMJPEGOptions(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 3)
	f.publish(t, p, all[0])
	t.Run("extra_headers", func(t *testing.T) {
		_, r := f.dial(t, "GET /stream/cam1.mjpg?extra_headers=1 HTTP/1.1")
		m, _ := mjpegResponse(t, r)
		h, body := m.part()
		for name, want := range map[string]string{
			"X-Steadyframe-Sequence": "1", "X-Steadyframe-Width": "64", "X-Steadyframe-Height": "32", "X-Steadyframe-Bytes": strconv.Itoa(len(body)),
			"X-Steadyframe-Online": "true", "X-Steadyframe-Repeat": "false",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		times := []float64{}
		for _, name := range []string{"X-Timestamp", "X-Steadyframe-Encoded", "X-Steadyframe-Sent"} {
			v, err := strconv.ParseFloat(h.Get(name), 64)
			if err != nil {
				t.Error(err)
			}
			times = append(times, v)
		}
		if times[0] > times[1] || times[1] > times[2] || time.Since(time.UnixMicro(int64(times[2]*1e6))).Abs() > time.Minute {
			t.Errorf("got captured, encoded, sent at %f, want that order, now", times)
		}
	})
	t.Run("zero_data", func(t *testing.T) {
		_, r := f.dial(t, "GET /stream/cam1.mjpg?zero_data=1&extra_headers=1 HTTP/1.1")
		m, _ := mjpegResponse(t, r)
		if h, body := m.part(); len(body) != 0 || h.Get("X-Steadyframe-Bytes") != strconv.Itoa(len(all[0])) {
			t.Errorf("got %d bytes and %v, want none of %d", len(body), h, len(all[0]))
		}
	})
	t.Run("advance_headers", func(t *testing.T) {
		_, r := f.dial(t, "GET /stream/cam1.mjpg?advance_headers=1 HTTP/1.1")
		m, _ := mjpegResponse(t, r)
		for range 2 { // The second is a repeat.
			head, err := m.head()
			if err != nil || head.Get("Content-Type") != "image/jpeg" || head.Get("X-Timestamp") == "" || len(head) != 2 {
				t.Errorf("got head %v, %v, want a type and a time", head, err)
			}
			m.expect(string(all[0]) + "\r\n--frame\r\n")
		}
	})
	t.Run("fps", func(t *testing.T) {
		stop := f.feed(t, p, 100, images(t, 400))
		defer stop()
		begin, last := time.Now(), -1
		_, r := f.dial(t, "GET /stream/cam1.mjpg?fps=10 HTTP/1.1")
		m, _ := mjpegResponse(t, r)
		for range 6 {
			_, body := m.part()
			n := imageIndex(t, body)
			if n <= last {
				t.Errorf("got image %d after %d, want a later one", n, last)
			}
			last = n
		}
		if took := time.Since(begin); took < 450*time.Millisecond {
			t.Errorf("got 6 images in %v, want 10 a second at most", took)
		}
	})
}

// TestPartHead: no line of a part's head is longer than clients read.
func TestPartHead(t *testing.T) {
	far := time.UnixMicro(1<<53 - 1)
	p := &stream.Image{Seq: 1<<64 - 1, Captured: far, Encoded: far, Width: 65535, Height: 65535, Repeat: true}
	var b part
	head := b.head(p, 1<<30, true, far)
	for line := range bytes.Lines(head) {
		if len(line) >= 128 {
			t.Errorf("got a line of %d bytes, want fewer than 128: %q", len(line), line)
		}
	}
	if &head[0] != &b.before[0] {
		t.Errorf("a head of %d bytes does not fit its array", len(head))
	}
	if tail := b.tail(true, far); &tail[0] != &b.after[0] {
		t.Errorf("a tail of %d bytes does not fit its array", len(tail))
	}
}

func TestAppendTimestamp(t *testing.T) {
	for _, tt := range []struct {
		t    time.Time
		want string
	}{
		{time.Unix(0, 0), "0.000000"},
		{time.Unix(1, 999_999_999), "1.999999"},
		{time.Unix(1700000000, 1000), "1700000000.000001"},
	} {
		if got := string(appendTimestamp([]byte("x"), tt.t)); got != "x"+tt.want {
			t.Errorf("%v: got %q, want %q", tt.t, got, "x"+tt.want)
		}
	}
}

// TestMJPEGRefusals: a request that cannot be served is refused before anything is written, and told what to do.
func TestMJPEGRefusals(t *testing.T) {
	f := newFixture(t, nil, func(_ *config.Config, o *stream.Options) { o.MaxViewers = 1 })
	for _, tt := range []struct{ path, kind, want string }{
		{"/stream/cam1.mjpg", "not_found", `no stream "cam1"; there are none yet; push one: steadyframe push --stream cam1 INPUT http://`},
		{"/stream/a%2Fb.mjpg", "not_found", `push one: steadyframe push --stream NAME INPUT`},
		{"/stream/cam1.mjpg?fps=0", "invalid", `fps: got "0"`},
		{"/stream/cam1.mjpg?fps=NaN", "invalid", `fps: got "NaN"`},
		{"/stream/cam1.mjpg?fps=1001", "invalid", `at most 1000`},
		{"/stream/cam1.mjpg?zero_data=yes", "invalid", `zero_data: got "yes", want 0 or 1`},
	} {
		resp, body := f.get(t, "GET", tt.path)
		if got := resp.Header.Get("Fault"); got != tt.kind || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: got %s, %q, want %s, %q", tt.path, got, body, tt.kind, tt.want)
		}
	}
	f.publisher(t, "b")
	f.publisher(t, "a")
	for _, method := range []string{"GET", "HEAD"} {
		if resp, body := f.get(t, method, "/stream/cam1.mjpg"); resp.Header.Get("Fault") != "not_found" || method == "GET" && !strings.Contains(string(body), "there are: a, b;") {
			t.Errorf("%s: got %q, want the streams that there are", method, body)
		}
	}
	f.dial(t, "GET /stream/a.mjpg HTTP/1.1")
	eventually(t, "there is a viewer", func() bool { return f.viewerCount("a") == 1 })
	if resp, body := f.get(t, "GET", "/stream/b.mjpg"); resp.Header.Get("Fault") != "busy" || !strings.Contains(string(body), "live.max_viewers: got 2, want at most 1") {
		t.Errorf("got %q, want too many viewers", body)
	}
}

// TestMJPEGHead: HEAD tells the type and begins nothing.
func TestMJPEGHead(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "cam1")
	resp, body := f.get(t, "HEAD", "/stream/cam1.mjpg")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "multipart/x-mixed-replace; boundary=frame" || len(body) != 0 {
		t.Errorf("got %s %v", resp.Status, resp.Header)
	}
	if n := f.viewerCount("cam1"); n != 0 {
		t.Errorf("got %d viewers, want none", n)
	}
}

// TestMJPEGOverHTTP2: there the response is net/http's to frame, and ends properly when the server stops.
func TestMJPEGOverHTTP2(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 10)
	f.publish(t, p, all[0])
	protocols := new(http.Protocols)
	protocols.SetHTTP2(clientTLS() != nil)
	protocols.SetUnencryptedHTTP2(clientTLS() == nil)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: clientTLS()}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(scheme() + f.addr + "/stream/cam1.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ProtoMajor != 2 || resp.Header.Get("Content-Type") != "multipart/x-mixed-replace; boundary=frame" || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("got %s %v", resp.Proto, resp.Header)
	}
	m := mjpegReader{bufio.NewReader(resp.Body), t}
	m.expect("--frame\r\n")
	m.until(0)
	f.publish(t, p, all[1])
	m.until(1)
	f.engine.Drain()
	if rest, err := io.ReadAll(m); err != nil || len(rest) != 0 {
		t.Errorf("got %d bytes more, %v, want a proper end", len(rest), err)
	}
}

// TestMJPEGViewerLeaves: a viewer's disconnect is noticed also while no image comes.
func TestMJPEGViewerLeaves(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "waiting")
	c, r := f.dial(t, "GET /stream/waiting.mjpg HTTP/1.1")
	mjpegResponse(t, r)
	if n := f.viewerCount("waiting"); n != 1 {
		t.Fatalf("got %d viewers, want 1", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the viewer is gone", func() bool { return f.viewerCount("waiting") == 0 })
	eventually(t, "that is in the log", func() bool {
		return strings.Contains(f.log.String(), "level=DEBUG msg=\"viewer disconnected\" transport=mjpeg") && strings.Contains(f.log.String(), "kind=canceled")
	})
}

// TestMJPEGDrain: when the server stops, viewers get their image to its end, and the connection ends.
func TestMJPEGDrain(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	stop := f.feed(t, p, 100, images(t, 50))
	_, r := f.dial(t, "GET /stream/cam1.mjpg HTTP/1.1")
	m, _ := mjpegResponse(t, r)
	for range 4 {
		m.part()
	}
	f.engine.Drain()
	rest, err := io.ReadAll(m)
	if err != nil || len(rest) > 0 && !bytes.HasSuffix(rest, []byte("\r\n--frame\r\n")) {
		t.Errorf("got an end within an image, or %v", err)
	}
	eventually(t, "the viewer is gone", func() bool { return f.viewerCount("cam1") == 0 })
	stop()
	if resp, _ := f.get(t, "GET", "/stream/cam1.mjpg"); resp.Header.Get("Fault") != "draining" {
		t.Errorf("got %v, want a refusal", resp.Header)
	}
}
