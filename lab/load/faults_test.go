package load

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// again returns an image decoded and encoded once more, by other code.
func again(t *testing.T, image []byte) []byte {
	img, err := jpeg.Decode(bytes.NewReader(image))
	var out bytes.Buffer
	if err == nil {
		err = jpeg.Encode(&out, img, nil)
	}
	if err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

// What a server may do wrong with images is found, over either transport, and counted.
func TestWrongImagesAreFound(t *testing.T) {
	swap := func(p [][]byte, i, j int) [][]byte {
		p[i], p[j] = p[j], p[i]
		return p
	}
	tests := []struct {
		name  string
		spoil func(p, before [][]byte) [][]byte
		want  string
	}{
		{"nothing", func(p, _ [][]byte) [][]byte { return p }, ""},
		{"swaps-two", func(p, _ [][]byte) [][]byte { return swap(p, 1, 3) }, "wrong image 2"},
		{"repeats-one", func(p, _ [][]byte) [][]byte { p[2] = p[1]; return p }, "wrong image 1"},
		{"repeats-the-batch-before", func(_, before [][]byte) [][]byte { return before }, "wrong image 5"},
		{"drops-the-last", func(p, _ [][]byte) [][]byte { return p[:4] }, "missing 1"},
		{"drops-the-first", func(p, _ [][]byte) [][]byte { return p[1:] }, "wrong image 4, missing 1"},
		{"drops-all-but-one", func(p, _ [][]byte) [][]byte { return p[:1] }, "missing 4"},
		{"adds-one", func(p, _ [][]byte) [][]byte { return append(p, p[0]) }, "surplus 1"},
		{"cuts-one", func(p, _ [][]byte) [][]byte { p[4] = p[4][:len(p[4])/2]; return p }, "unreadable 1"},
		{"sends-no-image", func(p, _ [][]byte) [][]byte { p[0] = []byte("no JPEG"); return p }, "unreadable 1"},
		{"encodes-one-otherwise", func(p, _ [][]byte) [][]byte { p[3] = again(t, p[3]); return p }, "differs 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			each(t, quick(small()), func(t *testing.T, o Options, f *fake, _ func()) {
				f.spoil = func(n int, p, before [][]byte) [][]byte {
					if n == warmBatches+15 {
						return tt.spoil(p, before)
					}
					return p
				}
				r, err := newGenerator(t, o).Run(t.Context())
				if got := kinds(&r); err != nil || got != tt.want || r.Answered != o.Requests {
					t.Errorf("got %q, %d responses, %v, want %q: %+v", got, r.Answered, err, tt.want, r.Findings)
				}
				if wrong := r.Wrong(); (wrong != nil) != (tt.want != "") {
					t.Errorf("wrong: got %v for %q", wrong, tt.want)
				}
			})
		})
	}
}

// A load that is ended before its clock starts does not wait for a silent server.
func TestEndOfWarmUp(t *testing.T) {
	o := quick(small())
	o.Timeout = time.Hour
	each(t, o, func(t *testing.T, o Options, f *fake, _ func()) {
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := errors.New("ended")
		f.hold = func(connection context.Context, _ int) {
			cancel(ended)
			<-connection.Done()
		}
		r, err := newGenerator(t, o).Run(ctx)
		if err != ended || r.Batches != 0 || r.Error != "ended" {
			t.Errorf("got %v, %d batches, %q, want the cause and none", err, r.Batches, r.Error)
		}
	})
	t.Run("grpc-without-words", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nothing responds
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		o := o
		o.Target = l.Addr().String()
		if _, err := newGenerator(t, o).Run(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// An image that is wrong from the first time on is found in the warm-up.
func TestWrongFromTheBeginning(t *testing.T) {
	each(t, quick(small()), func(t *testing.T, o Options, f *fake, _ func()) {
		f.spoil = func(_ int, p, _ [][]byte) [][]byte {
			p[0], p[4] = p[4], p[0]
			return p
		}
		r, err := newGenerator(t, o).Run(t.Context())
		if want := 2 * (warmBatches + o.Requests); err != nil || len(r.Findings) != 1 || r.Findings[0].Count != want {
			t.Errorf("got %+v, %v, want %d wrong images", r.Findings, err, want)
		}
		if !strings.HasPrefix(r.Findings[0].Example, "batch 0 before the clock started, image 0: got that of frame 4, want that of frame 0") {
			t.Errorf("got example %q", r.Findings[0].Example)
		}
	})
}

// Responses over a stream come in the order of the batches, and to batches that were sent.
func TestOrderOfResponses(t *testing.T) {
	tests := []struct {
		name string
		send func(held **api.EncodeResponse, n int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error
		want string
	}{
		{"swapped", func(held **api.EncodeResponse, n int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error {
			if n == warmBatches+5 {
				*held = a
				return nil
			}
			err := s.Send(a)
			if *held != nil {
				err = s.Send(*held)
				*held = nil
			}
			return err
		}, "out of order 1"},
		{"twice", func(_ **api.EncodeResponse, n int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error {
			if n == warmBatches+5 {
				if err := s.Send(a); err != nil {
					return err
				}
			}
			return s.Send(a)
		}, "unasked 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := quick(small())
			f := newFake(t, o)
			var held *api.EncodeResponse
			f.send = func(n int, s api.FrameService_EncodeStreamServer, a *api.EncodeResponse) error {
				return tt.send(&held, n, s, a)
			}
			o.Target, _ = f.serveGRPC()
			r, err := newGenerator(t, o).Run(t.Context())
			if got := kinds(&r); err != nil || got != tt.want || r.Answered != o.Requests {
				t.Errorf("got %q, %d responses, %v, want %q", got, r.Answered, err, tt.want)
			}
		})
	}
}

// busy is how a server refuses a batch for now, over gRPC and HTTP.
func (f *fake) busy(t *testing.T, batches func(n int) bool, advise bool) {
	f.refuse = func(n int) error {
		if !batches(n) {
			return nil
		}
		st := status.New(codes.ResourceExhausted, "the queue is full")
		if advise {
			var err error
			if st, err = st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}); err != nil {
				t.Error(err)
			}
		}
		return st.Err()
	}
	f.http = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if !batches(n) {
			return false
		}
		if advise {
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"type":"urn:steadyframe:problem:busy","title":"No room","detail":"the queue is full"}`))
		return true
	}
}

// Rejects are counted, not sent again, and no errors; without advice they are errors.
func TestRejects(t *testing.T) {
	o := quick(small())
	o.Outstanding = 1 // over gRPC a refusal ends the stream, with all that is on its way
	for _, advise := range []bool{true, false} {
		each(t, o, func(t *testing.T, o Options, f *fake, _ func()) {
			f.busy(t, func(n int) bool { return n > warmBatches && n%4 == 0 }, advise)
			r, err := newGenerator(t, o).Run(t.Context())
			if err != nil || r.Answered != 15 || f.batches != warmBatches+20 {
				t.Errorf("advice %v: got %d responses to %d batches, %v, want 15 to %d", advise, r.Answered, f.batches, err, warmBatches+20)
			}
			if advise && (r.Rejects != 5 || r.RejectReason != "the queue is full" || len(r.Errors) > 0) {
				t.Errorf("got %d rejects, %q, errors %v, want 5", r.Rejects, r.RejectReason, r.Errors)
			}
			if !advise && (r.Rejects != 0 || len(r.Errors) != 1 || r.Errors[0].Batches != 5 || r.Errors[0].Example != "the queue is full") {
				t.Errorf("without advice: got %d rejects, errors %v, want 5 errors", r.Rejects, r.Errors)
			}
		})
	}
}

// A server that refuses the first batch is reported at once.
func TestRefusedAtOnce(t *testing.T) {
	each(t, quick(small()), func(t *testing.T, o Options, f *fake, _ func()) {
		f.busy(t, func(int) bool { return true }, true)
		r, err := newGenerator(t, o).Run(t.Context())
		if want := "the first batches: rejected: the queue is full"; err == nil || err.Error() != want || r.Batches != 0 {
			t.Errorf("got %v, %d batches, want %s", err, r.Batches, want)
		}
	})
}

// A response that does not come is given up, and counts; those that can be had after it still are.
func TestTimeouts(t *testing.T) {
	o := quick(small())
	o.Outstanding, o.Rate, o.Requests = 1, 100, 4
	each(t, o, func(t *testing.T, o Options, f *fake, _ func()) {
		f.hold = func(ctx context.Context, n int) {
			if n == warmBatches+2 {
				<-ctx.Done()
			}
		}
		patience.Grow(t, 500*time.Millisecond, func(t testing.TB, timeout time.Duration) {
			f.mu.Lock()
			f.batches = 0
			f.mu.Unlock()
			o := o
			o.Timeout = timeout
			r, err := newGenerator(t, o).Run(t.Context())
			if err != nil || r.Timeouts != 1 || r.Answered != 3 || r.Max < 0.9*float64(timeout.Milliseconds()) {
				t.Errorf("got %d timeouts, %d responses, max %v ms, %v, want 1, 3, %v: %v", r.Timeouts, r.Answered, r.Max, err, timeout, r.Errors)
			}
		})
	})
}

// A server that goes away ends the load, and what was measured is there.
func TestServerGoesAway(t *testing.T) {
	o := quick(small())
	o.Requests, o.Rate = 0, 500
	each(t, o, func(t *testing.T, o Options, f *fake, stop func()) {
		responses := 0
		o.Answered = func(a *Response) error {
			if responses++; responses == 10 {
				go stop()
			}
			return nil
		}
		r, err := newGenerator(t, o).Run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "the server at "+o.Target+" went away after ") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v, want that the server went away", err)
		}
		if r.Answered < 10 || r.P50 <= 0 || r.Error == "" {
			t.Errorf("got %d responses, p50 %v, %q, want what was measured", r.Answered, r.P50, r.Error)
		}
		_, err = newGenerator(t, o).Run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "no server at "+o.Target+": dial tcp ") {
			t.Errorf("got %v, want that there is none", err)
		}
	})
}
