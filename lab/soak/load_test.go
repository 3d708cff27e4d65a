package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
)

// caller makes requests of one kind, one at a time, and looks at every image of the response.
type caller struct {
	call  func(ctx context.Context, n int) error
	close func()
}

// share is one kind of request of the mixed load.
type share struct {
	name    string
	frames  int // of one request
	weight  int // requests of a round
	callers int // connections, each with one request at a time
	open    func(r *rings, s *served) (caller, error)
}

// mix is the load: what a round consists of.
var mix = []share{
	{"stream", 25, 2, 4, streamCaller},
	{"encode", 5, 1, 2, encodeCaller},
	{"http-one", 1, 5, 4, func(r *rings, s *served) (caller, error) { return postCaller(r, s, 1), nil }},
	{"http-raw", 8, 1, 2, func(r *rings, s *served) (caller, error) { return postCaller(r, s, 8), nil }},
	{"http-y4m", y4mFrames, 1, 2, y4mCaller},
}

const y4mFrames = 10

// roundFrames returns the frames of a round.
func roundFrames() (n int) {
	for _, k := range mix {
		n += k.frames * k.weight
	}
	return n
}

// rings are the frames of all who send any.
type rings struct {
	w1   *ring // 640x360 to 320x320: what a batch of the origin's service was
	y4m  *ring
	y4ms [][]byte // streams of y4mFrames frames, of which number i begins at run(i, y4mFrames)
}

// refusal is a request that the server had no room for, with the advice to come again.
type refusal struct{ error }

// callTimeout is when a request has failed that got no response. Nothing of the load takes a tenth of it on an idle machine.
const callTimeout = 90 * time.Second

// streamCaller is batchesCaller with batches of 25 frames.
func streamCaller(r *rings, s *served) (caller, error) { return batchesCaller(r, s, 25) }

// batchesCaller sends batches over one gRPC stream, which it opens again after an error.
func batchesCaller(r *rings, s *served, frames int) (caller, error) {
	c, err := client.Dial(s.GRPC, nil)
	if err != nil {
		return caller{}, err
	}
	var open *client.EncodeStream
	end := func() {}
	var response client.Response
	call := func(_ context.Context, n int) error {
		b := client.Batch{ID: uint64(n) + 1}
		if open == nil {
			ctx, cancel := context.WithCancel(context.Background()) // of the stream, which outlives the call
			if open, err = c.EncodeStream(ctx); err != nil {
				cancel()
				return err
			}
			end, b.Spec = cancel, r.w1.spec
		}
		defer time.AfterFunc(callTimeout, end).Stop()
		numbers := r.w1.run(n, frames)
		b.Frames = r.w1.batch(numbers)
		err := open.Send(&b)
		if err == nil || err == io.EOF {
			err = open.Recv(&response)
		}
		if err == nil && response.ID != b.ID {
			err = &mixedError{fmt.Sprintf("batch: got the response to %d for %d", response.ID, b.ID)}
		}
		if err != nil {
			open = nil
			end()
			return graded(err)
		}
		return checkResponse(r.w1, &response, numbers)
	}
	return caller{call, func() { end(); c.Close() }}, nil
}

// encodeCaller makes calls of one batch.
func encodeCaller(r *rings, s *served) (caller, error) {
	c, err := client.Dial(s.GRPC, nil)
	if err != nil {
		return caller{}, err
	}
	var response client.Response
	call := func(ctx context.Context, n int) error {
		numbers := r.w1.run(n, 5)
		if err := c.Encode(ctx, &client.Batch{Spec: r.w1.spec, Frames: r.w1.batch(numbers)}, &response); err != nil {
			return graded(err)
		}
		return checkResponse(r.w1, &response, numbers)
	}
	return caller{call, func() { c.Close() }}, nil
}

// graded returns err as a refusal, if it is one with advice.
func graded(err error) error {
	var e *client.Error
	if errors.As(err, &e) && e.Code == codes.ResourceExhausted && e.RetryAfter > 0 {
		return refusal{err}
	}
	return err
}

func checkResponse(r *ring, a *client.Response, numbers []int) error {
	if len(a.Images) != len(numbers) {
		return &mixedError{fmt.Sprintf("count: got %d for %d frames", len(a.Images), len(numbers))}
	}
	for i, n := range numbers {
		if err := a.Images[i].Err; err != nil {
			return err
		}
		if err := r.check(a.Images[i].Data, n); err != nil {
			return err
		}
	}
	return nil
}

// postCaller posts n raw frames at a time.
func postCaller(r *rings, s *served, n int) caller {
	h := newPoster(s)
	url := "http://" + s.HTTP + "/v1/encode?" + r.w1.query(true)
	call := func(ctx context.Context, i int) error {
		numbers := r.w1.run(i, n)
		body := make([]io.Reader, n)
		for k, frame := range r.w1.batch(numbers) {
			body[k] = bytes.NewReader(frame)
		}
		response, _, err := h.post(ctx, url, io.MultiReader(body...), int64(n*len(r.w1.frames[0])), "video/x-motion-jpeg")
		if err != nil {
			return err
		}
		for k, number := range numbers {
			rest := response[min(len(response), len(r.w1.images[number])):]
			if err := r.w1.check(response[:len(response)-len(rest)], number); err != nil {
				return fmt.Errorf("image %d of %d: %w", k+1, n, err)
			}
			response = rest
		}
		if len(response) > 0 {
			return &mixedError{fmt.Sprintf("beyond %d: got %d bytes more", n, len(response))}
		}
		return nil
	}
	return caller{call, h.close}
}

// y4mCaller posts Y4M streams, and takes multipart responses.
func y4mCaller(r *rings, s *served) (caller, error) {
	h := newPoster(s)
	url := "http://" + s.HTTP + "/v1/encode?" + r.y4m.query(false)
	call := func(ctx context.Context, n int) error {
		which := n % len(r.y4ms)
		response, header, err := h.post(ctx, url, bytes.NewReader(r.y4ms[which]), int64(len(r.y4ms[which])), "")
		if err != nil {
			return err
		}
		_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
		if err != nil {
			return err
		}
		parts := multipart.NewReader(bytes.NewReader(response), params["boundary"])
		for _, number := range r.y4m.run(which, y4mFrames) {
			part, err := parts.NextPart()
			if err != nil {
				return err
			}
			image, err := io.ReadAll(part)
			if err != nil {
				return err
			}
			if err := r.y4m.check(image, number); err != nil {
				return err
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			return &mixedError{fmt.Sprintf("count: after %d: got %v, want the end", y4mFrames, err)}
		}
		return nil
	}
	return caller{call, h.close}, nil
}

// poster is an HTTP client with a connection of its own.
type poster struct{ http.Client }

func newPoster(s *served) *poster {
	return &poster{http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
}

func (h *poster) close() { h.CloseIdleConnections() }

// post returns the response of status 200; the error of 429 with advice is a refusal.
func (h *poster) post(ctx context.Context, url string, body io.Reader, length int64, accept string) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.NopCloser(body))
	if err != nil {
		return nil, nil, err
	}
	request.ContentLength = length
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := h.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %s: %.200s", url, response.Status, data)
		if response.StatusCode == http.StatusTooManyRequests && response.Header.Get("Retry-After") != "" {
			err = refusal{err}
		}
		return nil, nil, err
	}
	return data, response.Header, nil
}

// maxBehind is how long after it was due a request is still made. What is due longer is left out and counted, as a camera
// drops frames: else the load after a pause of the server would be another than before.
const maxBehind = 250 * time.Millisecond

// load makes requests of the mix in an open loop: each has a time at which it is due, whatever became of those before.
type load struct {
	s     *served
	rings *rings
	tally *tally

	running  sync.WaitGroup
	stopping chan struct{}
	close    []func()
}

// start opens as many connections as each kind has, for so many rounds a second.
func (l *load) start(t testing.TB, rounds float64) {
	t.Helper()
	l.stopping = make(chan struct{})
	begin := time.Now().Add(50 * time.Millisecond)
	for i := range mix {
		kind := &mix[i]
		interval := time.Duration(float64(time.Second) / (rounds * float64(kind.weight)))
		next := new(atomic.Int64)
		for range kind.callers {
			c, err := kind.open(l.rings, l.s)
			if err != nil {
				t.Fatal(err)
			}
			l.close = append(l.close, c.close)
			l.running.Go(func() {
				for {
					n := int(next.Add(1)) - 1
					if !l.request(kind, c, n, begin.Add(time.Duration(n)*interval)) {
						return
					}
				}
			})
		}
	}
}

// request makes request n of a kind when it is due. It returns false when the load is to end.
func (l *load) request(kind *share, c caller, n int, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-l.stopping:
		return false
	case <-timer.C:
	}
	if time.Since(due) > maxBehind {
		l.tally.skipped(kind)
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := c.call(ctx, n)
	l.tally.answered(kind, time.Since(due), err)
	return true
}

// stop waits for the requests that have begun, and closes the connections.
func (l *load) stop() {
	close(l.stopping)
	l.running.Wait()
	for _, c := range l.close {
		c()
	}
	l.close = nil
}

// flatOut makes requests of these kinds, as many of each as its weight, in a closed loop on so many connections of each, and
// returns how many there were, and in what time.
func (l *load) flatOut(t testing.TB, kinds []share, callers int, d time.Duration) (n int64, took time.Duration) {
	t.Helper()
	var requests atomic.Int64
	var running sync.WaitGroup
	begin := time.Now()
	end := begin.Add(d)
	for c := range callers {
		var all []caller
		for i := range kinds {
			one, err := kinds[i].open(l.rings, l.s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, one)
		}
		running.Go(func() {
			defer func() {
				for _, one := range all {
					one.close()
				}
			}()
			for n := c; time.Now().Before(end); n += callers {
				for i := range kinds {
					for k := range kinds[i].weight {
						ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
						err := all[i].call(ctx, n+k)
						cancel()
						if err != nil {
							l.tally.failed("flat out: "+kinds[i].name, err)
							return
						}
						requests.Add(1)
					}
				}
			}
		})
	}
	running.Wait()
	return requests.Load(), time.Since(begin)
}

// roundRequests returns the requests of a round.
func roundRequests() (n int) {
	for _, k := range mix {
		n += k.weight
	}
	return n
}
