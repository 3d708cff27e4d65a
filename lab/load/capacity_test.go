package load

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bears is a load on a server that bears so many frames a second, and then falls behind.
func bears(capacity float64) func(rate float64) (Result, error) {
	return func(rate float64) (Result, error) {
		if rate <= capacity {
			return Result{Pace: rate, P99: 20}, nil
		}
		return Result{Pace: capacity, P99: 5000 * (1 - capacity/rate)}, nil
	}
}

func TestFindCapacity(t *testing.T) {
	for _, capacity := range []float64{3, 49, 50, 51, 99, 1234, 60_000} {
		var steps int
		s := Search{P99: 300 * time.Millisecond, Progress: func(Step) { steps++ }}
		c, err := s.find(50, bears(capacity))
		if err != nil || c.FPS > capacity/leastAchieved || c.FPS < capacity/searchWidth*0.999 {
			t.Errorf("a capacity of %v: got %v, %v, want it within 3 %%", capacity, c.FPS, err)
		}
		if best := c.Best(); best == nil || best.Rate != c.FPS || steps != len(c.Steps) || len(c.Steps) > 40 {
			t.Errorf("a capacity of %v: got best %+v of %d steps, %d reported", capacity, best, len(c.Steps), steps)
		}
	}
}

// Each thing that a capacity promises decides.
func TestWhatLimitsCapacity(t *testing.T) {
	good := Result{Pace: 1, P99: 20}
	tests := []struct {
		name   string
		spoil  func(r *Result)
		reason string
	}{
		{"late", func(r *Result) { r.P99 = 301 }, "p99 above 300 ms"},
		{"slow", func(r *Result) { r.Pace *= 0.98 }, "less than 99 % of the rate"},
		{"rejects", func(r *Result) { r.Rejects = 1 }, "1 batch was rejected"},
		{"errors", func(r *Result) { r.FailedFrames = 2 }, "2 frames failed"},
		{"timeouts", func(r *Result) { r.Timeouts = 1 }, "1 batch timed out"},
		{"unsent", func(r *Result) { r.Unsent = 3 }, "3 batches could not be sent in time"},
		{"findings", func(r *Result) { r.Findings = []Finding{{Kind: "differs", Count: 1}} }, "1 wrong response or image"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Search{P99: 300 * time.Millisecond}.find(100, func(rate float64) (Result, error) {
				r := good
				r.Pace *= rate
				if rate > 150 {
					tt.spoil(&r)
				}
				return r, nil
			})
			if err != nil || c.FPS > 150 || c.FPS < 145 {
				t.Errorf("got %v, %v, want 150", c.FPS, err)
			}
			if got := c.Steps[1]; got.Passed || got.Reason != tt.reason {
				t.Errorf("got %+v, want %s", got, tt.reason)
			}
			if (c.Wrong() != nil) != (tt.name == "findings") {
				t.Errorf("wrong: got %v", c.Wrong())
			}
		})
	}
}

// A moment of bad luck is no capacity, and no server at all has none.
func TestCapacityWithBadLuck(t *testing.T) {
	tries := map[float64]int{}
	c, err := Search{P99: 300 * time.Millisecond}.find(100, func(rate float64) (Result, error) {
		tries[rate]++
		r, _ := bears(1000)(rate)
		if rate < 1000 && tries[rate] == 1 {
			r.P99 = 350 // narrowly
		}
		return r, nil
	})
	if err != nil || c.FPS > 1000 || c.FPS < 970 {
		t.Errorf("got %v, %v, want 1000", c.FPS, err)
	}
	c, err = Search{P99: time.Millisecond}.find(100, bears(1000))
	if err != nil || c.FPS != 0 || c.Best() != nil || !strings.Contains(c.String(), "no capacity found") {
		t.Errorf("got %s, %v, want none", c, err)
	}
	c, err = Search{P99: time.Millisecond, least: LeastRate(5*time.Second, 25)}.find(100, bears(1000))
	if err != nil || c.FPS != 0 || c.lowest() != 25 { // in 5 s there are less than three batches of 25 at 12.5 frames a second
		t.Errorf("got %s after %d steps, %v, want none after one of 25 frames a second", c, len(c.Steps), err)
	}
	gone := errors.New("gone")
	c, err = Search{P99: time.Second}.find(100, func(rate float64) (Result, error) {
		if rate > 300 {
			return Result{}, gone
		}
		return bears(1000)(rate)
	})
	if err != gone || c.FPS != 200 || len(c.Steps) != 2 {
		t.Errorf("got %v with %d steps, %v, want 200, 2 steps and the error", c.FPS, len(c.Steps), err)
	}
}

// The capacity of a server that takes 20 ms for a batch is 50 batches a second: found by loads on it, in no real time.
func TestFindCapacityOfAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := bare()
		o.Rate = 20
		server := &fakeServer{took: 20 * time.Millisecond}
		g := server.on(newGenerator(t, o))
		c, err := g.FindCapacity(t.Context(), Search{P99: 100 * time.Millisecond})
		if err != nil || math.Abs(c.FPS-250) > 8 {
			t.Errorf("got %v, %v, want 250: %v", c.FPS, err, c.Steps)
		}
	})
}

func TestLine(t *testing.T) {
	var l line
	for i := range 100 {
		noise := float64(i%2)*2 - 1
		l.add(float64(i), 5+3*float64(i)+noise)
	}
	slope, standardError := l.slope()
	// The points scatter by 1 around the line; the sum of squares of x is 83325.
	if math.Abs(slope-3) > 0.01 || math.Abs(standardError-1/math.Sqrt(83325)) > 0.0002 {
		t.Errorf("got %v, standard error %v, want 3 and 0.0035", slope, standardError)
	}
	for _, l := range []line{{}, {x: []float64{1}, y: []float64{1}}, {x: []float64{1, 1}, y: []float64{1, 2}}} {
		if slope, e := l.slope(); slope != 0 || e != 0 {
			t.Errorf("got %v, %v of %+v, want 0", slope, e, l)
		}
	}
}
