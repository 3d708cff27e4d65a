package live

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

func TestPace(t *testing.T) {
	const second = time.Second
	tests := []struct {
		name     string
		fps, cap float64
		jitter   time.Duration // of each frame, either way
		images   [2]int        // of 10 seconds
		longest  time.Duration // between two images' frames
	}{
		{"none", 25, 0, 0, [2]int{250, 250}, second / 25},
		{"half", 50, 25, 0, [2]int{249, 251}, second / 25},
		{"half-jitter", 50, 25, 4 * time.Millisecond, [2]int{249, 251}, second/25 + 8*time.Millisecond},
		{"two-fifths", 25, 10, 0, [2]int{99, 101}, second / 8},
		{"same", 25, 25, 0, [2]int{249, 251}, second / 25},
		{"same-jitter", 25, 25, 9 * time.Millisecond, [2]int{249, 250}, second/25 + 18*time.Millisecond},
		{"little-more", 30, 29, 0, [2]int{289, 291}, second / 15},
		{"less", 10, 25, 0, [2]int{100, 100}, second / 10},
		{"slow", 25, 0.5, 0, [2]int{5, 6}, 2*second + second/25},
		{"tiny", 25, 1e-10, 0, [2]int{1, 1}, 0},
		{"least", 25, math.SmallestNonzeroFloat64, 0, [2]int{1, 1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p := paceOf(tt.cap)
			start := time.Unix(1000, 0)
			images, last, longest := 0, time.Duration(0), time.Duration(0)
			var slot time.Duration // when the frame in it came; below 0: it is empty
			slot = -1
			try := func(now time.Duration) {
				if slot < 0 || p.wait(start.Add(slot), start.Add(now)) > 0 {
					return
				}
				p.took(start.Add(now))
				if images++; images > 1 {
					longest = max(longest, slot-last)
				}
				last, slot = slot, -1
			}
			for n := range int(10 * tt.fps) {
				at := time.Duration(float64(n) / tt.fps * float64(second))
				if tt.jitter > 0 {
					at += time.Duration(rng.Int64N(int64(2*tt.jitter))) - tt.jitter
				}
				if slot >= 0 { // Its time may have come before this.
					if due := slot + p.wait(start.Add(slot), start.Add(slot)); due < at {
						try(due)
					}
				}
				slot = at
				try(at)
			}
			if images < tt.images[0] || images > tt.images[1] || longest > tt.longest+time.Microsecond {
				t.Errorf("got %d images, %v between two at most, want %v and %v", images, longest, tt.images, tt.longest)
			}
		})
	}
}

// TestCappedStream: the schedule holds while frames come, and the last one before a pause is shown.
func TestCappedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		p := r.publish("cam", Settings{FPS: 10})
		v := r.view("cam")
		var shown []int
		for n := range 50 { // at 50 a second
			r.put(p, n)
			synctest.Wait()
			if pic, ok, _, _ := v.Poll(); ok {
				pic.Release()
				shown = append(shown, n)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if len(shown) < 10 || len(shown) > 11 {
			t.Errorf("got images when frames %v had come, want 10 in this second", shown)
		}
		for i := 2; i < len(shown); i++ { // The second may come a little before its time.
			if gap := shown[i] - shown[i-1]; gap != 5 {
				t.Errorf("got frames %v, want every fifth", shown)
				break
			}
		}
		r.put(p, 50)
		r.put(p, 51)
		if s := r.next(v); s.index != 51 {
			t.Errorf("got frame %d before a pause, want the last, 51", s.index)
		}
		p.Close()
		arrived, published, dropped := p.Counts()
		d := r.info("cam").Dropped
		if arrived != published+dropped || d[stream.Capped] != dropped {
			t.Errorf("got %d frames, %d images, drops %v, want all drops capped", arrived, published, d)
		}
	})
}
