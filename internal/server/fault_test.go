package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// A faulty is a server with a checked pool whose Gets fail on demand.
type faulty struct {
	*running
	fault atomic.Pointer[func(bytes int) error] // nil: none
	fired atomic.Bool                           // the fault has happened since arm
}

// startFaulty runs a faulty. The test fails if its pool finds a misuse.
func startFaulty(t *testing.T) *faulty {
	f := &faulty{}
	check := &pool.Check{
		Report: func(m *pool.Misuse) { t.Errorf("misuse: %v", m) },
		Fault: func(n int) error {
			if fault := f.fault.Load(); fault != nil {
				return (*fault)(n)
			}
			return nil
		},
	}
	f.running = startWith(t, nil, func(c server.Config, log *slog.Logger) (*server.Server, error) {
		return server.NewChecked(c, log, check)
	})
	t.Cleanup(func() {
		f.stop()
		for _, m := range f.Audit() {
			t.Errorf("after the drain: %v", m)
		}
	})
	return f
}

// arm makes the n-th Get from now call fault; nil disarms.
func (f *faulty) arm(fault func(bytes int) error) {
	f.fired.Store(false)
	if fault == nil {
		f.fault.Store(nil)
		return
	}
	noting := func(n int) (err error) {
		defer func() {
			v := recover()
			if err != nil || v != nil {
				f.fired.Store(true)
			}
			if v != nil {
				panic(v)
			}
		}()
		return fault(n)
	}
	f.fault.Store(&noting)
}

// atRest waits until nothing of the pool is leased or admitted: a request releases its memory soon after its end.
func (f *faulty) atRest(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		leaks := pooltest.Leaks(f.Stats().Pool)
		if leaks == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("two minutes after the request: %s", leaks)
		}
	}
}

// faultyFrames is how many frames the requests of TestFaults carry.
const faultyFrames = 5

// askers make one request each. They return the images that came, and nil, or an error with a gRPC code where some are
// missing.
var askers = []struct {
	name string
	ask  func(t *testing.T, f *faulty, stock api.FrameServiceClient, frames [][]byte) (images [][]byte, err error)
}{
	{"Encode", askUnary},
	{"EncodeStream", askStream},
	{"http", func(t *testing.T, f *faulty, _ api.FrameServiceClient, frames [][]byte) ([][]byte, error) {
		return askHTTP(t, f, bytes.NewReader(bytes.Join(frames, nil)))
	}},
	{"http-endless", func(t *testing.T, f *faulty, _ api.FrameServiceClient, frames [][]byte) ([][]byte, error) {
		return askHTTP(t, f, struct{ io.Reader }{bytes.NewReader(bytes.Join(frames, nil))})
	}},
}

func askUnary(t *testing.T, _ *faulty, stock api.FrameServiceClient, frames [][]byte) ([][]byte, error) {
	r, err := stock.Encode(timeout(t), &api.EncodeRequest{Spec: specMessage(t, small), Frames: frames})
	return imagesOf(r, err)
}

func askStream(t *testing.T, _ *faulty, stock api.FrameServiceClient, frames [][]byte) ([][]byte, error) {
	stream, err := stock.EncodeStream(timeout(t))
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&api.EncodeRequest{Spec: specMessage(t, small), Frames: frames}); err != nil && err != io.EOF {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	r, err := stream.Recv()
	return imagesOf(r, err)
}

// imagesOf returns the images of r, and the error of the first frame without one.
func imagesOf(r *api.EncodeResponse, err error) (all [][]byte, _ error) {
	if err != nil {
		return nil, err
	}
	for _, p := range r.Pictures {
		if p.Code != 0 {
			err = status.Error(codes.Code(p.Code), p.Message)
			continue
		}
		all = append(all, p.Data)
	}
	return all, err
}

// askHTTP returns whole JPEGs alone. A response that was cut short has codes.Unknown for an error: HTTP cannot say why
// by then.
func askHTTP(t *testing.T, f *faulty, body io.Reader) ([][]byte, error) {
	resp := f.post(t, query(t, small), body, "Accept", "video/x-motion-jpeg")
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, status.Error(codes.ResourceExhausted, string(data))
	case resp.StatusCode == http.StatusInternalServerError:
		return nil, status.Error(codes.Internal, string(data))
	case resp.StatusCode != http.StatusOK:
		return nil, status.Error(codes.Aborted, resp.Status+": "+string(data))
	}
	var all [][]byte
	for _, p := range bytes.SplitAfter(data, []byte{0xff, 0xd9}) {
		if len(p) > 0 {
			all = append(all, p)
		}
	}
	if err != nil {
		err = status.Error(codes.Unknown, err.Error())
	}
	return all, err
}

// TestFaults: whichever Get of a request fails or panics, the request, or a frame of it, fails with the right code, or
// does without that memory. The images that come are whole and right, every lease is released once, and the server
// serves the next request as before.
func TestFaults(t *testing.T) {
	frames := makeFrames(t, small.Input, faultyFrames)
	want := encodeDirectly(t, small, frames)
	known := map[string]bool{}
	for _, p := range want {
		known[string(p)] = true
	}
	kinds := []struct {
		name string
		at   func(n int) func(bytes int) error
		code codes.Code
	}{
		{"refused", pooltest.FailAt, codes.ResourceExhausted},
		{"panic", pooltest.PanicAt, codes.Internal},
	}
	f := startFaulty(t)
	stock := f.stock(t)
	for _, a := range askers {
		for _, kind := range kinds {
			t.Run(a.name+"/"+kind.name, func(t *testing.T) {
				n := 1
				for ; n <= 200; n++ {
					f.arm(kind.at(n))
					got, err := a.ask(t, f, stock, frames)
					fired := f.fired.Load()
					f.arm(nil)
					f.atRest(t)
					checkFaulty(t, n, got, err, fired, known, kind.code)
					if again, err := a.ask(t, f, stock, frames); err != nil || !equalImages(again, want) {
						t.Fatalf("Get %d: the request after it got %d images, %v, want all %d", n, len(again), err, len(want))
					}
					if !fired {
						break
					}
				}
				if n <= 2*faultyFrames {
					t.Errorf("got %d Gets of a request, want one at least for each frame and each image of %d", n-1, faultyFrames)
				}
			})
		}
	}
}

// checkFaulty checks the outcome of a request against the fault that happened, if it did.
func checkFaulty(t *testing.T, n int, got [][]byte, err error, fired bool, known map[string]bool, code codes.Code) {
	t.Helper()
	for _, p := range got {
		if !known[string(p)] {
			t.Errorf("Get %d: got an image of %d bytes that the library does not make of these frames", n, len(p))
		}
	}
	switch c := status.Code(err); {
	case err == nil && len(got) != faultyFrames:
		t.Errorf("Get %d: got %d images and no error, want %d", n, len(got), faultyFrames)
	case err != nil && !fired:
		t.Errorf("Get %d: got %v though no Get failed", n, err)
	case err != nil && c != code && c != codes.Unknown:
		t.Errorf("Get %d: got %v, want %v", n, err, code)
	}
}

func equalImages(got, want [][]byte) bool {
	return bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil))
}
