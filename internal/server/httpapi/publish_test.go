package httpapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pool"
)

// bodyKind is a way to send the frames that carry the numbers 1, 2 and 3.
type bodyKind struct {
	name, query, contentType string
	frames                   [][]byte
}

func bodyKinds(t testing.TB) []bodyKind {
	header := len(y4mFrames(t))
	raw := [][]byte{rawFrame(t, 1), rawFrame(t, 2), rawFrame(t, 3)}
	y4m := [][]byte{y4mFrames(t, 1), y4mFrames(t, 2)[header:], y4mFrames(t, 3)[header:]}
	jpegs := [][]byte{jpegFrame(t, 1), jpegFrame(t, 2), jpegFrame(t, 3)}
	parts := [][]byte{jpegPart(jpegs[0]), jpegPart(jpegs[1]), slices.Concat(jpegPart(jpegs[2]), []byte("--frame--\r\n"))}
	var headed, dashed [][]byte
	for _, j := range jpegs {
		headed = append(headed, slices.Concat([]byte("Content-Type: image/jpeg\r\n\r\n"), j, []byte("\r\n--b\r\n")))
		dashed = append(dashed, slices.Concat([]byte("--b--\r\n\r\n"), j, []byte("\r\n")))
	}
	return []bodyKind{
		{"raw", "?format=gray&size=64x32", "", raw},
		{"raw-typed", "?format=gray&size=64x32&fps=1000", "application/octet-stream", raw},
		{"y4m", "", "", y4m},
		{"y4m-typed", "?quality=90", "video/x-yuv4mpeg", y4m},
		{"multipart", "", "application/x-www-form-urlencoded", parts},
		{"multipart-typed", "", "multipart/x-mixed-replace;boundary=frame", parts},
		{"multipart-quoted", "", `multipart/x-mixed-replace; boundary="--frame"`, parts},
		{"multipart-malformed", "", "multipart/x-mixed-replace; boundary=a/b", parts},
		{"multipart-typed-as-jpeg", "", "image/jpeg", parts},
		{"multipart-no-first-boundary", "", "", headed},
		{"multipart-dashes-behind", "", "multipart/x-mixed-replace; boundary=b", dashed},
		{"jpegs", "", "", jpegs},
		{"jpegs-typed", "", "video/x-motion-jpeg", jpegs},
		{"jpegs-encoded-again", "?quality=50", "image/jpeg", jpegs},
	}
}

// TestPublish: every form of body, of known length and not, ends as the newest image, and with a response that adds up.
func TestPublish(t *testing.T) {
	for _, tt := range bodyKinds(t) {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/chunked=%v", tt.name, method, chunked), func(t *testing.T) {
					f := newTestAPI(t, nil)
					v := f.view("cam")
					var body any = slices.Concat(tt.frames...)
					if chunked {
						body = io.MultiReader(bytes.NewReader(body.([]byte)))
					}
					a := f.send(method, "/v1/streams/cam"+tt.query, tt.contentType, body)
					if a.status != http.StatusOK || a.Stream != "cam" || a.Frames != 3 || a.Images < 1 || a.Images+a.Dropped != 3 {
						t.Errorf("got %+v, want 3 frames, images or dropped", a)
					}
					f.wantFrame(v, 3)
				})
			}
		}
	}
}

// TestPublishAtOnce: a frame is shown as soon as its last byte is there, while the body is still open.
func TestPublishAtOnce(t *testing.T) {
	for _, tt := range bodyKinds(t) {
		t.Run(tt.name, func(t *testing.T) {
			f := newTestAPI(t, nil)
			v := f.view("cam")
			in, out := io.Pipe()
			done := make(chan reply, 1)
			go func() { done <- f.send(http.MethodPost, "/v1/streams/cam"+tt.query, tt.contentType, in) }()
			for i, data := range tt.frames {
				if _, err := out.Write(data); err != nil {
					t.Fatal(err)
				}
				f.wantFrame(v, i+1)
			}
			out.Close()
			if a := <-done; a.status != http.StatusOK || a.Frames != 3 || a.Images != 3 {
				t.Errorf("got %+v, want 3 frames and images", a)
			}
		})
	}
}

func TestPublishRefuses(t *testing.T) {
	raw, jpeg := rawFrame(t, 1), jpegFrame(t, 1)
	tests := []struct {
		name, path, contentType string
		body                    []byte
		status                  int
		detail                  string
	}{
		{"name", "/v1/streams/a%20b?format=gray&size=64x32", "", raw, 400, `bad stream name: got "a b"`},
		{"parameter", "/v1/streams/cam?speed=3", "", raw, 400, "unknown parameter \"speed\""},
		{"fps", "/v1/streams/cam?fps=0", "", raw, 400, `fps: got "0"`},
		{"fps-no-number", "/v1/streams/cam?fps=nan", "", raw, 400, `fps: got "nan"`},
		{"fps-twice", "/v1/streams/cam?fps=1&fps=2", "", raw, 400, "fps: got it 2 times"},
		{"type", "/v1/streams/cam", "video/mp4", raw, 415, "got Content-Type video/mp4, want video/x-yuv4mpeg, multipart/x-mixed-replace, image/jpeg"},
		{"no-type", "/v1/streams/cam", ";", raw, 415, "Content-Type"},
		{"empty", "/v1/streams/cam", "", []byte{}, 400, "the body is empty"},
		{"no-frame", "/v1/streams/cam", "", y4mFrames(t), 400, "the body has no frames"},
		{"no-size", "/v1/streams/cam?format=gray", "", raw, 400, "size: got none"},
		{"no-format", "/v1/streams/cam", "", raw, 400, "format: got none"},
		{"png", "/v1/streams/cam", "application/octet-stream", []byte("\x89PNG\r\n\x1a\n0000"), 400, "the body is a PNG, want JPEGs, Y4M, or raw frames with format and size; `steadyframe push"},
		{"mp4", "/v1/streams/cam", "application/x-www-form-urlencoded", []byte("\x00\x00\x00\x20ftypisom"), 400, "the body is an MP4"},
		{"file-type-and-few-bytes", "/v1/streams/cam", "", []byte("\x00\x00\x00"), 400, "format: got none"},
		{"both", "/v1/streams/cam?format=gray&size=64x32", "video/x-yuv4mpeg", y4mFrames(t, 1), 400, "got it or size for a Y4M body"},
		{"both-typed", "/v1/streams/cam?format=gray&size=64x32", "image/jpeg", jpeg, 400, "got it or size for a JPEG body"},
		{"part-of-a-frame", "/v1/streams/cam?format=gray&size=64x32", "", raw[1:], 400, "want a multiple of 2048 for gray 64x32"},
		{"part-of-a-frame-of-curl", "/v1/streams/cam?format=gray&size=64x32", "application/x-www-form-urlencoded", raw[1:], 400, "want a multiple of 2048 for gray 64x32; curl's -d leaves out line ends"},
		{"encode-jpeg", "/v1/encode", "", jpeg, 400, "the body is a JPEG, want raw frames with format and size, or Y4M; `steadyframe encode"},
		{"cut-jpeg", "/v1/streams/cam", "", jpeg[:len(jpeg)-1], 400, "stream ends inside a JPEG"},
		{"broken-jpeg", "/v1/streams/cam", "image/jpeg", raw, 400, "want FF D8"},
		{"long-part", "/v1/streams/cam", "", []byte("--frame\r\nContent-Length: 300000000\r\n\r\n"), 413, "limits.max_message_bytes: got 300000000, want at most 268"},
		{"many-pixels", "/v1/streams/cam", "", []byte("\xff\xd8\xff\xc0\x00\x08\x08\xff\xff\xff\xff\x03"), 413, "limits.max_pixels"},
		{"output", "/v1/streams/cam?format=gray&size=64x32&output=rgb24", "", raw, 400, "output"},
		{"source", "/v1/streams/own?format=gray&size=64x32", "", raw, 409, "source of its own"},
	}
	f := newTestAPI(t, func(c *config.Config) { c.Streams["own"] = config.Stream{Source: "testsrc:64x32@1"} })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := f.send(http.MethodPost, tt.path, tt.contentType, tt.body)
			if a.status != tt.status || !strings.Contains(a.Detail, tt.detail) {
				t.Errorf("got %d, %q, want %d, %q", a.status, a.Detail, tt.status, tt.detail)
			}
		})
	}
}

// publishing is a request that goes on until out is closed.
type publishing struct {
	out  *io.PipeWriter
	done chan reply
}

// publish begins a request of raw frames.
func (f *testAPI) publish(query string) *publishing {
	in, out := io.Pipe()
	f.t.Cleanup(func() { out.Close() })
	p := &publishing{out, make(chan reply, 1)}
	go func() { p.done <- f.send(http.MethodPost, "/v1/streams/cam?format=gray&size=64x32"+query, "", in) }()
	return p
}

// TestPublishTakenOver: a new publisher gets the stream, and the one before it an error that says so.
func TestPublishTakenOver(t *testing.T) {
	f := newTestAPI(t, nil)
	v := f.view("cam")
	first := f.publish("")
	first.out.Write(rawFrame(t, 1))
	f.wantFrame(v, 1)
	second := f.publish("")
	second.out.Write(rawFrame(t, 2))
	f.wantFrame(v, 2)
	if a := <-first.done; a.status != http.StatusConflict || !strings.Contains(a.Detail, "another publisher took the stream over") {
		t.Errorf("the first got %+v, want a conflict", a)
	}
	second.out.Write(rawFrame(t, 3))
	f.wantFrame(v, 3)
	second.out.Close()
	if a := <-second.done; a.status != http.StatusOK || a.Frames != 2 {
		t.Errorf("the second got %+v, want 2 frames", a)
	}
}

// TestPublishDraining: a server that stops does not wait for a body without an end, nor for one that has hardly begun.
// TestPublishHeldUp: a publisher whose first frame comes after that of one that began later does not get the stream.
func TestPublishHeldUp(t *testing.T) {
	f := newTestAPI(t, nil)
	v := f.view("cam")
	first := f.publish("")
	f.waitFor("the first request", func() bool { return f.engine.OpenRequests() == 1 })
	second := f.publish("")
	second.out.Write(rawFrame(t, 2))
	f.wantFrame(v, 2)
	first.out.Write(rawFrame(t, 1))
	first.out.Close()
	if a := <-first.done; a.status != http.StatusConflict || !strings.Contains(a.Detail, "another publisher took the stream over") {
		t.Fatalf("the first got %+v, want a conflict", a)
	}
	second.out.Write(rawFrame(t, 3))
	f.wantFrame(v, 3)
	second.out.Close()
	if a := <-second.done; a.status != http.StatusOK || a.Frames != 2 {
		t.Errorf("the second got %+v, want 2 frames", a)
	}
}

func TestPublishDraining(t *testing.T) {
	f := newTestAPI(t, nil)
	v := f.view("cam")
	p, begun := f.publish(""), f.publish("")
	begun.out.Write(rawFrame(t, 1)[:5])
	p.out.Write(rawFrame(t, 1))
	f.wantFrame(v, 1)
	f.waitFor("both requests", func() bool { return f.engine.OpenRequests() == 2 })
	f.engine.Drain()
	for _, p := range []*publishing{p, begun} {
		if a := <-p.done; a.status != http.StatusServiceUnavailable || a.RetryAfter == 0 {
			t.Errorf("got %+v, want unavailable, and when to come again", a)
		}
	}
	if a := f.send(http.MethodPost, "/v1/streams/cam?format=gray&size=64x32", "", rawFrame(t, 1)); a.status != http.StatusServiceUnavailable {
		t.Errorf("then got %+v, want unavailable", a)
	}
}

// TestPublishTimeouts: a frame that has begun goes on, and between frames there is silence for timeouts.idle at most; what
// separates JPEGs is not the beginning of one.
func TestPublishTimeouts(t *testing.T) {
	const short, long = 50 * time.Millisecond, time.Hour
	part := jpegPart(jpegFrame(t, 1))
	tests := []struct {
		name          string
		receive, idle time.Duration
		query         string
		body          []byte
	}{
		{"first-bytes", short, long, "?format=gray&size=64x32", rawFrame(t, 1)[:9]},
		{"raw-inside", short, long, "?format=gray&size=64x32", rawFrame(t, 1)[:100]},
		{"raw-between", long, short, "?format=gray&size=64x32", rawFrame(t, 1)},
		{"jpeg-inside", short, long, "", part[:300]},
		{"jpeg-between", long, short, "", part},
		{"jpeg-header", long, short, "", slices.Concat(part, part[:20])},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newTestAPI(t, func(c *config.Config) {
				c.Timeout.Receive, c.Timeout.Idle = config.Duration(tt.receive), config.Duration(tt.idle)
			})
			in, out := io.Pipe()
			defer out.Close()
			go out.Write(tt.body)
			if a := f.send(http.MethodPost, "/v1/streams/cam"+tt.query, "", in); a.status != http.StatusRequestTimeout {
				t.Errorf("got %+v, want a timeout", a)
			}
		})
	}
	t.Run("patience", func(t *testing.T) {
		patience.Grow(t, short, func(t testing.TB, receive time.Duration) {
			f := newTestAPI(t, func(c *config.Config) { c.Timeout.Receive = config.Duration(receive) })
			v := f.view("cam")
			in, out := io.Pipe()
			done := make(chan reply, 1)
			go func() { done <- f.send(http.MethodPost, "/v1/streams/cam", "", in) }()
			out.Write(part)
			out.Write([]byte("--frame\r\nContent-Type: image/jpeg\r\n"))
			f.wantFrame(v, 1)
			<-time.After(3 * receive)
			out.Write(slices.Concat([]byte("\r\n"), jpegFrame(t, 2)))
			f.wantFrame(v, 2)
			out.Close()
			if a := <-done; a.status != http.StatusOK || a.Frames != 2 {
				t.Errorf("got %+v, want 2 frames", a)
			}
		})
	})
}

// TestPublishBrokenImages: a broken image of a multipart stream is counted, and does not end it.
func TestPublishBrokenImages(t *testing.T) {
	f := newTestAPI(t, nil)
	v := f.view("cam")
	body := slices.Concat(jpegPart([]byte("no picture")), jpegPart(jpegFrame(t, 1)), jpegPart(jpegFrame(t, 9)[:200]), jpegPart(jpegFrame(t, 2)))
	a := f.send(http.MethodPost, "/v1/streams/cam", "", body)
	if a.status != http.StatusOK || a.Frames != 4 || a.Dropped < 2 || a.Failed != 2 || a.Images+a.Dropped != 4 {
		t.Errorf("got %+v, want 4 frames, 2 of them dropped, as they failed", a)
	}
	f.wantFrame(v, 2)
	info, _ := f.live.Hub.Info("cam")
	if failed := info.Dropped[stream.Failed]; failed != 2 {
		t.Errorf("got %d failed frames, want 2", failed)
	}
}

// TestPublishWithoutMemory: frames for which there is no memory are counted and read on, until there is some again.
func TestPublishWithoutMemory(t *testing.T) {
	for _, tt := range bodyKinds(t) {
		t.Run(tt.name, func(t *testing.T) {
			f := newTestAPI(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = 8*config.MiB, 0 })
			v := f.view("cam")
			in, out := io.Pipe()
			done := make(chan reply, 1)
			go func() { done <- f.send(http.MethodPost, "/v1/streams/cam"+tt.query, tt.contentType, in) }()
			out.Write(tt.frames[0])
			f.wantFrame(v, 1)
			rest := f.leaseAll()
			out.Write(tt.frames[1])
			f.waitFor("a frame without memory", func() bool {
				info, _ := f.live.Hub.Info("cam")
				return info.Dropped[stream.NoMemory] > 0
			})
			for _, b := range rest {
				b.Release()
			}
			out.Write(tt.frames[2])
			f.wantFrame(v, 3)
			out.Close()
			if a := <-done; a.status != http.StatusOK || a.Frames != 3 || a.Dropped != 1 {
				t.Errorf("got %+v, want 3 frames, one of them dropped", a)
			}
		})
	}
}

// leaseAll leases all memory that is left.
func (f *testAPI) leaseAll() (all []pool.Buf) {
	for n := pool.MaxSize; n > 0; {
		b, err := f.engine.Pool.Get(n)
		if err != nil {
			n /= 2
			continue
		}
		all = append(all, b)
	}
	return all
}

// TestPublishCallerGone: the request of a caller that disconnects ends.
func TestPublishCallerGone(t *testing.T) {
	f := newTestAPI(t, nil)
	v := f.view("cam")
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/streams/cam?format=gray&size=64x32 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n%s%s", rawFrame(t, 1), rawFrame(t, 2)[:100])
	f.wantFrame(v, 1)
	conn.Close()
	f.waitFor("the end of the request", func() bool { return f.engine.OpenRequests() == 0 })
}

// TestPublishContinue: a caller that sends Expect: 100-continue is told to go on, or why not, before it sends the body.
func TestPublishContinue(t *testing.T) {
	f := newTestAPI(t, nil)
	for query, want := range map[string]string{"?format=gray&size=64x32": "HTTP/1.1 100 Continue", "?format=grey": "HTTP/1.1 400 Bad Request"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/streams/cam%s HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2048\r\n\r\n", query)
		if line, err := bufio.NewReader(conn).ReadString('\n'); strings.TrimSpace(line) != want {
			t.Errorf("%s: got %q, error %v, want %s", query, line, err, want)
		}
	}
}

// quiet is a ResponseWriter for a body that comes without a connection.
type quiet struct{ header http.Header }

func (q quiet) Header() http.Header              { return q.header }
func (q quiet) Write(p []byte) (int, error)      { return len(p), nil }
func (q quiet) WriteHeader(int)                  {}
func (q quiet) SetReadDeadline(time.Time) error  { return nil }
func (q quiet) SetWriteDeadline(time.Time) error { return nil }

// TestPublishAllocates: a frame that becomes an image allocates nothing.
func TestPublishAllocates(t *testing.T) {
	for _, tt := range bodyKinds(t) {
		if !slices.Contains([]string{"raw", "y4m", "multipart", "jpegs"}, tt.name) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			f := newTestAPI(t, func(c *config.Config) { c.Live.EncodeUnwatched = true })
			in, out := io.Pipe()
			r, err := http.NewRequest(http.MethodPost, "/v1/streams/cam"+tt.query, in)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = -1
			done := make(chan struct{})
			go func() {
				defer close(done)
				f.ServeHTTP(quiet{http.Header{}}, r)
			}()
			defer func() {
				out.Close()
				<-done
			}()
			out.Write(tt.frames[0])
			next := tt.frames[1]
			for range 2000 { // until the runtime, too, has what it uses again where goroutines wait for each other
				out.Write(next)
			}
			alloctest.Waiting(t, 200, func() { out.Write(next) })
		})
	}
}
