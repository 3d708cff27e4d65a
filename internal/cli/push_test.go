package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// numberedBytes is the size of a frame of numbered.
const numberedBytes = 8 * 4 * 3

// attempt is what becomes of one request.
type attempt func(s *fakeServer, r *http.Request) (*http.Response, error)

// fakeServer responds to requests as its attempts say, one after the other; the last one for ever.
type fakeServer struct {
	t        *testing.T
	attempts []attempt

	mu    sync.Mutex
	times []time.Time // of the requests
	got   []byte      // the numbers of the frames that came whole
	took  []time.Time // when
}

func (s *fakeServer) send(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	now := s.attempts[min(len(s.times), len(s.attempts))-1]
	s.mu.Unlock()
	return now(s, r)
}

// takes returns an attempt that reads n frames, 0 for all, and then ends as end says.
func takes(n int, end attempt) attempt {
	return func(s *fakeServer, r *http.Request) (*http.Response, error) {
		var frame [numberedBytes]byte
		for i := 0; n == 0 || i < n; i++ {
			if _, err := io.ReadFull(r.Body, frame[:]); err == io.EOF {
				return respond(http.StatusOK, `{"stream":"cam"}`)(s, r)
			} else if err != nil {
				return nil, err
			}
			s.mu.Lock()
			s.got, s.took = append(s.got, frame[0]), append(s.took, time.Now())
			s.mu.Unlock()
		}
		return end(s, r)
	}
}

// respond returns an attempt that is answered at once.
func respond(status int, body string) attempt {
	return func(*fakeServer, *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// fails returns an attempt that fails at once.
func fails(err error) attempt {
	return func(*fakeServer, *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Post", URL: "http://h", Err: err}
	}
}

// hangs takes nothing more, until the caller gives up.
func hangs(_ *fakeServer, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// newPush returns a Push of the frames of src to s. A live one takes them as they come, else they are read at fps.
func newPush(t *testing.T, src *numbered, fps float64, s *fakeServer) *Push {
	src.pool = pooltest.New(t, nil)
	if src.err == nil {
		src.err = io.EOF
	}
	target, err := ParsePushTarget("http://h:1", "cam", "-")
	if err != nil {
		t.Fatal(err)
	}
	return &Push{Source: &PushSource{video: &Source{Reader: src}, FPS: fps}, Targets: []*PushTarget{target}, send: s.send}
}

// ascend returns 1, 2 and so on to n.
func ascend(n int) (all []byte) {
	for i := range n {
		all = append(all, byte(i+1))
	}
	return all
}

// each returns a numbered.before that lets a frame come every d.
func each(d time.Duration) func(int) { return func(int) { time.Sleep(d) } }

// TestPushPaced: what is read at a pace comes at that pace and loses nothing; while the server is away it waits, and then
// goes on at the same pace.
func TestPushPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fails(syscall.ECONNREFUSED)
		s := &fakeServer{t: t, attempts: []attempt{takes(10, down), down, down, takes(0, nil)}}
		var notices []string
		p := newPush(t, &numbered{frames: 50}, 25, s)
		p.Notice = func(text string) { notices = append(notices, text) }
		sum, err := p.Run(t.Context())
		if err != nil || sum.Frames != 50 || sum.Dropped != 0 || sum.Reconnects != 1 || sum.Bytes < int64(sum.Frames*numberedBytes) {
			t.Errorf("got %+v, error %v, want 50 frames and a reconnect", sum, err)
		}
		if string(s.got) != string(ascend(50)) {
			t.Errorf("got frames %v, want all 50 in their order", s.got)
		}
		early := 0
		for i := 1; i < len(s.took); i++ {
			switch gap := s.took[i].Sub(s.took[i-1]); {
			case gap < 40*time.Millisecond:
				early++
			case gap > 40*time.Millisecond && i != 10:
				t.Errorf("frame %d came %v after the one before, want 40ms", i+1, gap)
			}
		}
		if early > 2 {
			t.Errorf("got %d frames sooner than 40ms after those before, want the two that had waited", early)
		}
		want := []string{"lost the server (connection refused): trying again", "connected again after "}
		if len(notices) != 2 || notices[0] != want[0] || !strings.HasPrefix(notices[1], want[1]) {
			t.Errorf("got notices %q, want %q", notices, want)
		}
	})
}

// TestPushLive: a live input is read on while there is no connection, and the newest of its frames is the first that the
// next connection takes.
func TestPushLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fails(syscall.ECONNREFUSED)
		s := &fakeServer{t: t, attempts: []attempt{takes(10, down), down, takes(0, nil)}}
		p := newPush(t, &numbered{frames: 60, before: each(40 * time.Millisecond)}, 0, s)
		start := time.Now()
		sum, err := p.Run(t.Context())
		if took := time.Since(start); err != nil || took > 2500*time.Millisecond {
			t.Errorf("got error %v after %v, want the input, 2.44s, not to be held up", err, took)
		}
		lost := int(s.got[10]) - 11
		away := s.took[10].Sub(s.took[9])
		if string(s.got[:10]) != string(ascend(10)) || lost < 10 || lost > 20 || s.got[len(s.got)-1] != 60 || len(s.got) != 60-lost {
			t.Errorf("got frames %v, want 1..10, those since the server was back, and the last", s.got)
		}
		if behind := away - time.Duration(lost+1)*40*time.Millisecond; behind < 0 || behind > 40*time.Millisecond {
			t.Errorf("the first frame after %v away was %d, want the newest", away, s.got[10])
		}
		if sum.Frames+sum.Dropped != 60 || sum.Dropped < lost || sum.Reconnects != 1 {
			t.Errorf("got %+v, want 60 frames, %d or more of them dropped, 1 reconnect", sum, lost)
		}
	})
}

// TestPushLiveServerGone: where the server does not come back, the end of a live input is that of the run, soon, and an error.
func TestPushLiveServerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fails(syscall.ECONNREFUSED)
		s := &fakeServer{t: t, attempts: []attempt{takes(10, down)}}
		for range 100 {
			s.attempts = append(s.attempts, down)
		}
		p := newPush(t, &numbered{frames: 60, before: each(40 * time.Millisecond)}, 0, s)
		start := time.Now()
		sum, err := p.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "its last frame did not get to") || sum.Frames != 10 {
			t.Errorf("got %+v and error %v, want 10 frames, and that the last is lost", sum, err)
		}
		if took := time.Since(start); took < 2400*time.Millisecond+lastTime || took > 2400*time.Millisecond+lastTime+lastDelay {
			t.Errorf("it took %v, want the input, 2.4s, and %v", took, lastTime)
		}
	})
}

// TestPushDelays: attempts come ever later, up to a bound, and soon again after a connection that held.
func TestPushDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fails(syscall.ECONNREFUSED)
		held := takes(100, down)
		s := &fakeServer{t: t, attempts: []attempt{down, down, down, down, down, held, down, takes(0, nil)}}
		p := newPush(t, &numbered{frames: 120}, 25, s)
		if _, err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{250, 500, 1000, 2000, 2500, 4000 + 250, 500}
		for i, most := range want {
			most *= time.Millisecond
			got := s.times[i+1].Sub(s.times[i])
			least := most - most/4
			if i == 5 {
				least = 4000 * time.Millisecond
			}
			if got < least || got > most {
				t.Errorf("attempt %d came after %v, want %v to %v", i+2, got, least, most)
			}
		}
	})
}

// TestPushRefused: a response that will stay the same is the end; others are not.
func TestPushRefused(t *testing.T) {
	problem := `{"title":"Another has it","detail":"stream: another publisher took the stream over"}`
	tests := []struct {
		status   int
		body     string
		attempts int
		want     string
	}{
		{400, problem, 1, "the server refuses the stream (400 Bad Request): stream: another publisher took the stream over"},
		{401, "no\nentry", 1, "the server refuses the stream (401 Unauthorized): no"},
		{404, "", 1, "the server refuses the stream (404 Not Found)"},
		{409, problem, 1, "the server refuses the stream (409 Conflict): stream: another publisher took the stream over"},
		{413, problem, 1, "413"},
		{415, problem, 1, "415"},
		{408, problem, 2, ""},
		{429, problem, 2, ""},
		{500, problem, 2, ""},
		{503, problem, 2, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &fakeServer{t: t, attempts: []attempt{takes(2, respond(tt.status, tt.body)), takes(0, nil)}}
				_, err := newPush(t, &numbered{frames: 10}, 25, s).Run(t.Context())
				var refused *PushRefusedError
				if len(s.times) != tt.attempts || errors.As(err, &refused) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got error %v after %d attempts, want %q after %d", err, len(s.times), tt.want, tt.attempts)
				}
			})
		})
	}
}

// TestPushRefusedAtOnce: what the connection holds when the server refuses the stream was not pushed.
func TestPushRefusedAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		before, frames, taken int
	}{
		{"at-once", 2, 0, 0},
		{"later", 100, 100, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &fakeServer{t: t, attempts: []attempt{takes(tt.before, respond(http.StatusConflict, ""))}}
				p := newPush(t, &numbered{frames: 200}, 25, s)
				var taken atomic.Int32
				p.Taken = func(string) { taken.Add(1) }
				sum, err := p.Run(t.Context())
				synctest.Wait()
				var refused *PushRefusedError
				if !errors.As(err, &refused) || sum.Frames != tt.frames || sum.Bytes < int64(sum.Frames*numberedBytes) || (sum.Bytes > 0) != (sum.Frames > 0) {
					t.Errorf("got %+v, error %v, want %d frames and a refusal", sum, err, tt.frames)
				}
				if n := taken.Load(); n != int32(tt.taken) {
					t.Errorf("frames were said to be taken %d times, want %d", n, tt.taken)
				}
			})
		})
	}
}

// TestPushFailed: the user is told of frames that the server could make nothing of.
func TestPushFailed(t *testing.T) {
	for answered, want := range map[string]string{
		`{"stream":"cam","frames":3,"images":2,"dropped":1,"failed":1}`: "the server could make no image of 1 frame: its log says why",
		`{"stream":"cam","frames":3,"images":2,"dropped":1,"failed":0}`: "",
		`{"stream":"cam","frames":3,"pictures":2,"dropped":1}`:          "", // an older server
		"well": "", // none of ours
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &fakeServer{t: t, attempts: []attempt{func(s *fakeServer, r *http.Request) (*http.Response, error) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return nil, err
				}
				return respond(http.StatusOK, answered)(s, r)
			}}}
			if sum, err := newPush(t, &numbered{frames: 3}, 25, s).Run(t.Context()); err != nil || sum.Warning != want {
				t.Errorf("%s: got warning %q, error %v, want %q", answered, sum.Warning, err, want)
			}
		})
	}
}

// TestPushStalled: a connection that takes nothing any more is given up.
func TestPushStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{takes(2, hangs), takes(0, nil)}}
		p := newPush(t, &numbered{frames: 10}, 25, s)
		var notices []string
		p.Notice = func(text string) { notices = append(notices, text) }
		sum, err := p.Run(t.Context())
		if err != nil || sum.Frames != 10 || len(s.times) != 2 {
			t.Fatalf("got %+v, error %v, after %d attempts, want 10 frames and 2", sum, err, len(s.times))
		}
		if gap := s.times[1].Sub(s.times[0]); gap < stallTime || gap > stallTime+time.Second {
			t.Errorf("got the second attempt after %v, want %v and a little", gap, stallTime)
		}
		if !strings.Contains(notices[0], errStalled.Error()) {
			t.Errorf("got notices %q, want %q", notices, errStalled)
		}
	})
}

// TestPushUnanswered: a response that does not come is not waited for long.
func TestPushUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{func(s *fakeServer, r *http.Request) (*http.Response, error) {
			takes(0, nil)(s, r)
			return hangs(s, r)
		}}}
		start := time.Now()
		sum, err := newPush(t, &numbered{frames: 1}, 25, s).Run(t.Context())
		if took := time.Since(start); !errors.Is(err, errStalled) || sum.Frames != 1 || took != stallTime {
			t.Errorf("got %+v, error %v, after %v, want %v after %v", sum, err, took, errStalled, stallTime)
		}
	})
}

// TestPushSilence: an input that gives nothing for long is no reason to end a connection, or to begin one.
func TestPushSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{takes(0, nil)}}
		start := time.Now()
		sum, err := newPush(t, &numbered{frames: 3, before: each(time.Minute)}, 0, s).Run(t.Context())
		if err != nil || sum.Frames != 3 || len(s.times) != 1 || s.times[0].Sub(start) != time.Minute {
			t.Errorf("got %+v, error %v, attempts at %v", sum, err, s.times)
		}
	})
}

// TestPushInterrupted: the end of ctx ends the body between two frames, and the server's response is waited for, for a moment.
func TestPushInterrupted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server attempt
		took   time.Duration
	}{
		{"answered", takes(0, nil), time.Second},
		{"unanswered", takes(2, hangs), time.Second + partingTime},
		{"unreachable", fails(syscall.ECONNREFUSED), time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &fakeServer{t: t, attempts: []attempt{tt.server}}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(ErrInterrupted) })
				start := time.Now()
				_, err := newPush(t, &numbered{frames: 1 << 30, before: each(30 * time.Millisecond)}, 0, s).Run(ctx)
				if took := time.Since(start); err != ErrInterrupted || took < tt.took || took > tt.took+readerGrace {
					t.Errorf("got error %v after %v, want %v after %v", err, took, ErrInterrupted, tt.took)
				}
			})
		})
	}
}

// TestPushInputFails: what was read before goes to the server, and the error is that of the input.
func TestPushInputFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{takes(0, nil)}}
		broken := errors.New("cable pulled")
		sum, err := newPush(t, &numbered{frames: 3, err: broken}, 25, s).Run(t.Context())
		if !errors.Is(err, broken) || sum.Frames != 3 || string(s.got) != string(ascend(3)) {
			t.Errorf("got %+v, error %v, want 3 frames and %v", sum, err, broken)
		}
	})
}

// TestPushProgress: rates are those of the last second, counts those of all.
func TestPushProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{takes(0, nil)}}
		p := newPush(t, &numbered{frames: 126}, 25, s)
		var told []PushProgress
		p.Progress = func(now PushProgress) { told = append(told, now) }
		sum, err := p.Run(t.Context())
		if err != nil || len(told) < 19 {
			t.Fatalf("got error %v, told %d times, want 19 at least in 5 s", err, len(told))
		}
		mid := told[10]
		if mid.Frames != 69 { // at 0, 40, ... 2,720 ms
			t.Errorf("got %+v after 2.75 s, want 69 frames", mid)
		}
		if want := "69 frames, 25.0 fps, 0.02 Mbit/s, 0 dropped, 0 reconnects"; mid.String() != want {
			t.Errorf("got %q, want %q", mid.String(), want)
		}
		if got, want := sum.String(), "pushed 126 frames in 5.00 s (25.2 fps, 0.02 Mbit/s), 0 dropped, 0 reconnects"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// sizes is a reader of one frame of each of its geometries.
type sizes struct {
	pool  *pool.Pool
	descs []frame.Desc
}

func (s *sizes) Desc() frame.Desc { return s.descs[0] }

func (s *sizes) Next() (frame.Frame, error) {
	if len(s.descs) == 0 {
		return frame.Frame{}, io.EOF
	}
	d := s.descs[0]
	s.descs = s.descs[1:]
	return frame.New(s.pool, d)
}

// TestPushFormatChanges: frames of another geometry go into a request of their own, which says so. None is lost, and no
// connection counts as lost.
func TestPushFormatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		small, wide := bgr4x2, bgr4x2
		wide.Width = 8
		hd := frame.Desc{Format: frame.I420, Width: 8, Height: 4, Range: frame.RangeFull, Color: frame.BT709}
		var got []string
		s := &fakeServer{t: t, attempts: []attempt{func(s *fakeServer, r *http.Request) (*http.Response, error) {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				return nil, err
			}
			got = append(got, fmt.Sprintf("%s %d", r.URL.RawQuery, n))
			return respond(http.StatusOK, "{}")(s, r)
		}}}
		p := newPush(t, &numbered{}, 25, s)
		var notices []string
		p.Notice = func(text string) { notices = append(notices, text) }
		p.Source.video.Reader = &sizes{pooltest.New(t, nil), []frame.Desc{small, small, wide, hd, hd, small}}
		sum, err := p.Run(t.Context())
		want := []string{
			"format=bgr24&size=4x2 48", "format=bgr24&size=8x2 48", "color=bt709&format=yuv420p&range=full&size=8x4 96", "format=bgr24&size=4x2 24",
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got requests %q, error %v, want %q", got, err, want)
		}
		if sum.Frames != 6 || sum.Dropped != 0 || sum.Reconnects != 0 || len(notices) != 0 {
			t.Errorf("got %+v, notices %q, want 6 frames and nothing lost", sum, notices)
		}
	})
}

// TestPushKeepsTimes: frames with time stamps come at their times, those without at the rate of the source.
func TestPushKeepsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeServer{t: t, attempts: []attempt{takes(0, nil)}}
		stamps := []time.Duration{0, 40 * time.Millisecond, 10 * time.Second, 10*time.Second + time.Millisecond, time.Second, time.Hour}
		src := &numbered{frames: len(stamps)}
		p := newPush(t, src, 25, s)
		p.Source.video.pts = func() (time.Duration, bool) { return stamps[src.n-1], true }
		start := time.Now()
		if _, err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		const ms = time.Millisecond
		want := []time.Duration{0, 40 * ms, 10000 * ms, 10001 * ms, 10041 * ms, 10081 * ms} // back in time, and an hour on: the usual interval
		for i, took := range s.took {
			if took.Sub(start) != want[i] {
				t.Errorf("frame %d: got it after %v, want %v", i+1, took.Sub(start), want[i])
			}
		}
	})
}
