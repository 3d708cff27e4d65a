package load

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fake is a server that does as it should, but for what its fields say. It serves gRPC and HTTP.
type fake struct {
	api.UnimplementedFrameServiceServer
	t testing.TB

	mu      sync.Mutex
	encode  func([]byte) []byte
	images  map[string][]byte // by frame: load tests send the same again and again
	batches int               // so far
	before  [][]byte          // the images of the batch before

	// spoil changes the images of batch n, counted from 1; before is those of another. May be nil, like those below.
	spoil func(n int, images, before [][]byte) [][]byte
	// refuse returns an error for gRPC in the place of a response.
	refuse func(n int) error
	// hold returns when batch n may be answered.
	hold func(ctx context.Context, n int)
	// http serves batch n over HTTP in its place, when it returns true.
	http func(n int, w http.ResponseWriter, r *http.Request) bool
	// send sends the response to batch n over a gRPC stream.
	send func(n int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error
}

func newFake(t testing.TB, o Options) *fake {
	return &fake{t: t, encode: encoder(t, o), images: map[string][]byte{}}
}

// begin counts a batch.
func (f *fake) begin(ctx context.Context) (n int) {
	f.mu.Lock()
	f.batches++
	n = f.batches
	f.mu.Unlock()
	if f.hold != nil {
		f.hold(ctx, n)
	}
	return n
}

// response returns the images of batch n.
func (f *fake) response(n int, frames [][]byte) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var images [][]byte
	for _, data := range frames {
		p, ok := f.images[string(data)]
		if !ok {
			p = f.encode(data)
			f.images[string(data)] = p
		}
		images = append(images, p)
	}
	right := images
	if f.spoil != nil {
		images = f.spoil(n, append([][]byte{}, images...), f.before)
	}
	f.before = right
	return images
}

// EncodeStream is part of api.FrameServiceServer.
func (f *fake) EncodeStream(s api.FrameService_EncodeStreamServer) error {
	for {
		r, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n := f.begin(s.Context())
		if f.refuse != nil {
			if err := f.refuse(n); err != nil {
				return err
			}
		}
		a := &api.EncodeResponse{Id: r.GetId()}
		for _, p := range f.response(n, r.GetFrames()) {
			a.Pictures = append(a.Pictures, &api.Picture{Data: p})
		}
		send := func(_ int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error { return s.Send(a) }
		if f.send != nil {
			send = f.send
		}
		if err := send(n, s, a); err != nil {
			return err
		}
	}
}

// serveGRPC starts the server over gRPC and returns its address, and what stops it.
func (f *fake) serveGRPC() (target string, stop func()) {
	f.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	s := grpc.NewServer()
	api.RegisterFrameServiceServer(s, f)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	stop = sync.OnceFunc(func() {
		s.Stop()
		if err := <-served; err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(stop)
	return l.Addr().String(), stop
}

// ServeHTTP is part of http.Handler: POST /v1/encode.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The caller has gone.
	}
	n := f.begin(r.Context())
	if f.http != nil && f.http(n, w, r) {
		return
	}
	var width, height int
	if _, err := fmt.Sscanf(r.URL.Query().Get("size"), "%dx%d", &width, &height); err != nil || r.URL.Path != encodePath ||
		r.URL.Query().Get("format") != "bgr24" || len(body)%(3*width*height) != 0 {
		f.t.Errorf("got %s with %d bytes: %v", r.URL, len(body), err)
	}
	var frames [][]byte
	for size := 3 * width * height; len(body) > 0; body = body[size:] {
		frames = append(frames, body[:size])
	}
	images := f.response(n, frames)
	if len(images) == 1 {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(images[0])
		return
	}
	parts := multipart.NewWriter(w)
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
	for _, p := range images {
		part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"image/jpeg"}, "Content-Length": {strconv.Itoa(len(p))}})
		if err == nil {
			_, err = part.Write(p)
		}
		if err != nil {
			return
		}
	}
	_ = parts.Close()
}

// serveHTTP starts the server over HTTP and returns its address, and what stops it.
func (f *fake) serveHTTP() (target string, stop func()) {
	s := httptest.NewServer(f)
	stop = sync.OnceFunc(func() {
		s.CloseClientConnections()
		s.Close()
	})
	f.t.Cleanup(stop)
	return s.URL, stop
}

// each calls test with a server of each kind.
func each(t *testing.T, o Options, test func(t *testing.T, o Options, f *fake, stop func())) {
	for _, via := range []Via{GRPC, HTTP} {
		t.Run(via.String(), func(t *testing.T) {
			f, o := newFake(t, o), o
			serve := f.serveGRPC
			if via == HTTP {
				serve = f.serveHTTP
			}
			var stop func()
			o.Target, stop = serve()
			test(t, o, f, stop)
		})
	}
}

// kinds returns the findings of r as text: "missing 1, wrong image 4".
func kinds(r *Result) string {
	var parts []string
	for _, f := range r.Findings {
		parts = append(parts, fmt.Sprintf("%s %d", f.Kind, f.Count))
	}
	return strings.Join(parts, ", ")
}

// quick makes o a load of some hundredths of a second, after a warm-up of warmBatches.
func quick(o Options) Options {
	o.Rate, o.Requests, o.Warm, o.Timeout = 2000, 20, true, 20*time.Second
	return o
}

// warmBatches is how many batches of small() the warm-up sends.
const warmBatches = 20
