package stream_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// ms returns when images were received, in milliseconds.
func ms(got []receipt) []int {
	var times []int
	for _, g := range got {
		times = append(times, int(g.At.Milliseconds()))
	}
	return times
}

// A still image goes out again on a schedule, which begins anew with each image. Times are from the last new
// image.
func TestRepeats(t *testing.T) {
	tests := []struct {
		name   string
		o      stream.ViewerOptions
		frame  time.Duration // between the ten images before; 0: there is only the last
		source int           // identical images that follow, a frame time apart
		want   []int
	}{
		{"all", stream.ViewerOptions{}, 40 * time.Millisecond, 0, []int{0, 900, 1800, 2700}},
		{"all-alone", stream.ViewerOptions{}, 0, 0, []int{0, 900, 1800, 2700}},
		{"all-same", stream.ViewerOptions{}, 40 * time.Millisecond, 70, []int{0, 900, 1800, 2700}},
		{"late-25-fps", stream.ViewerOptions{Late: true}, 40 * time.Millisecond, 0, []int{0, 60, 240, 420, 600, 780, 960, 1860, 2760}},
		{"late-same", stream.ViewerOptions{Late: true}, 40 * time.Millisecond, 70, []int{0, 60, 240, 420, 600, 780, 960, 1860, 2760}},
		{"late-50-fps", stream.ViewerOptions{Late: true}, 20 * time.Millisecond, 0, []int{0, 30, 210, 390, 570, 750, 930, 1830, 2730}},
		{"late-1000-fps", stream.ViewerOptions{Late: true}, time.Millisecond, 0, []int{0, 10, 190, 370, 550, 730, 910, 1810, 2710}},
		{"late-5-fps", stream.ViewerOptions{Late: true}, 200 * time.Millisecond, 0, []int{0, 180, 360, 540, 720, 900, 1800, 2700}},
		{"late-alone", stream.ViewerOptions{Late: true}, 0, 0, []int{0, 180, 360, 540, 720, 900, 1800, 2700}},
		{"late-2-fps-cap", stream.ViewerOptions{Late: true, MaxFPS: 2}, 0, 0, []int{0, 500, 1000, 1900, 2800}},
		{"cap-below-repeats", stream.ViewerOptions{MaxFPS: 0.5}, 0, 0, []int{0, 2000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, stream.Options{OfflineAfter: time.Hour})
				p := f.publisher(t, "cam1")
				if tt.frame > 0 {
					for i := range 10 {
						f.show(t, p, i)
						time.Sleep(tt.frame)
					}
				}
				v := f.viewer(t, "cam1", tt.o)
				if tt.frame > 0 {
					wantNext(t, v, 9)
				}
				f.show(t, p, 10)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				go func() {
					for range tt.source {
						time.Sleep(tt.frame)
						f.show(t, p, 10)
					}
				}()
				got := take(ctx, v, time.Now())
				if !slices.Equal(ms(got), tt.want) {
					t.Errorf("got images at %v ms, want %v", ms(got), tt.want)
				}
				for i, g := range got {
					if g.Number != 10 || g.Repeat != (i > 0) {
						t.Errorf("got %+v, want image 10, a repeat but for the first", g)
					}
				}
				v.Close()
				synctest.Wait()
			})
		})
	}
}

// The first repeat for Late viewers comes one and a half frame times after the last image, whatever the stream has
// been through.
func TestFrameTime(t *testing.T) {
	const ms = time.Millisecond
	repeat := func(d time.Duration, n int) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }
	tests := []struct {
		name string
		gaps []time.Duration
		want time.Duration
	}{
		{"regular", repeat(40*ms, 10), 60 * ms},
		{"bursts", slices.Repeat([]time.Duration{20 * ms, 60 * ms}, 4), 60 * ms},
		{"hiccup", append(repeat(40*ms, 10), 120*ms), 75 * ms},
		{"pause", append(repeat(40*ms, 10), 1100*ms), 60 * ms},
		{"faster", append(repeat(100*ms, 10), repeat(20*ms, 100)...), 30 * ms},
		{"slower", append(repeat(20*ms, 10), repeat(100*ms, 100)...), 150 * ms},
		{"as-slow-as-repeats", repeat(120*ms, 10), 180 * ms},
		{"unknown", repeat(40*ms, 1), 180 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, stream.Options{})
				p := f.publisher(t, "cam1")
				v := f.viewer(t, "cam1", stream.ViewerOptions{Late: true})
				f.show(t, p, 0)
				for i, gap := range tt.gaps {
					time.Sleep(gap)
					f.show(t, p, i+1)
				}
				wantNext(t, v, len(tt.gaps))
				// To the microsecond, since means are rounded to nanoseconds.
				if _, _, wait, _ := v.Poll(); wait.Round(time.Microsecond) != tt.want {
					t.Errorf("got a repeat after %v, want it after %v", wait, tt.want)
				}
			})
		})
	}
}

// A new image is given at once, between repeats too, and nothing is repeated while there is motion.
func TestNoRepeatsInMotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2100*time.Millisecond)
		defer cancel()
		v := f.viewer(t, "cam1", stream.ViewerOptions{Late: true})
		go func() {
			for i := range 20 {
				f.show(t, p, i)
				time.Sleep([]time.Duration{30, 50}[i%2] * time.Millisecond) // 25 fps, with jitter
			}
			time.Sleep(500 * time.Millisecond)
			f.show(t, p, 20)
		}()
		var want []receipt
		at := time.Duration(0)
		for i := range 20 {
			want = append(want, receipt{At: at, Number: i})
			at += []time.Duration{30, 50}[i%2] * time.Millisecond
		}
		last := want[19].At
		frame := take(ctx, v, start)
		// The mean of the intervals is tested elsewhere. Here: motion, a repeat soon after, and the new image at once.
		if !reflect.DeepEqual(frame[:20], want) {
			t.Errorf("motion: got %+v, want %+v", frame[:20], want)
		}
		if after := frame[20].At - last; !frame[20].Repeat || after < 50*time.Millisecond || after > 70*time.Millisecond {
			t.Errorf("after motion: got %+v, %v later, want a repeat about 60 ms later", frame[20], after)
		}
		if i := slices.Index(frame, receipt{At: at + 500*time.Millisecond, Number: 20}); i < 0 || !frame[i-1].Repeat {
			t.Errorf("got %+v, want image 20 at once after repeats", frame)
		}
	})
}

// A viewer with a cap is given the newest image in each slot, evenly. Images that its cap skips are not counted as
// dropped; those that come while it is busy are.
func TestMaxFPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.publisher(t, "cam1")
		start := time.Now()
		f.show(t, p, 0)
		v := f.viewer(t, "cam1", stream.ViewerOptions{MaxFPS: 10, Transport: "mjpeg"})
		go func() { // image n at 3 + 40n ms, so that none comes at the time of a slot
			time.Sleep(3 * time.Millisecond)
			for i := 1; i < 100; i++ {
				time.Sleep(40 * time.Millisecond)
				f.show(t, p, i)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 1999*time.Millisecond)
		defer cancel()
		var want []receipt
		for at := time.Duration(0); at < 1999*time.Millisecond; at += 100 * time.Millisecond {
			newest := max(0, int((at-3*time.Millisecond)/(40*time.Millisecond)))
			want = append(want, receipt{At: at, Number: newest})
		}
		if got := take(ctx, v, start); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		if got := f.info(t, "cam1").Viewers[0]; got.Dropped != 0 || got.Delivered != 20 || math.Abs(got.FPS-10) > 0.01 {
			t.Errorf("got %+v, want 20 delivered at 10 fps, none dropped", got)
		}
		time.Sleep(time.Second) // busy
		if got := f.info(t, "cam1").Viewers[0].Dropped; got != 0 {
			t.Errorf("got %d dropped before it is known what was, want none", got)
		}
		wantNext(t, v, 74)
		// The last one was that of the slot at 1900 ms: image 47. At the slot of 2000 ms the newest was 49, of 1999 ms.
		if got := f.Totals().Transports[0].Dropped; got != 74-49 {
			t.Errorf("got %d dropped, want %d", got, 74-49)
		}
		time.Sleep(2 * time.Second)
		v.Close()
	})
}

func TestOddMaxFPS(t *testing.T) {
	f := newFixture(t, stream.Options{})
	p := f.publisher(t, "cam1")
	f.show(t, p, 0)
	for _, fps := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 1e10, 1e-300, 25} {
		v := f.viewer(t, "cam1", stream.ViewerOptions{MaxFPS: fps})
		wantNext(t, v, 0)
		if _, ok, wait, _ := v.Poll(); ok || wait <= 0 || wait > time.Hour {
			t.Errorf("%v fps: got image %v, wait %v; want to wait for the repeat", fps, ok, wait)
		}
		v.Close()
	}
}

// Poll returns how long nothing will be due, and Wake receives when that changes.
func TestPollWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{OfflineAfter: time.Hour})
		p := f.publisher(t, "cam1")
		v := f.viewer(t, "cam1", stream.ViewerOptions{MaxFPS: 10})
		wantWait := func(want time.Duration) {
			t.Helper()
			if _, ok, wait, err := v.Poll(); ok || wait != want || err != nil {
				t.Errorf("got image %v, wait %v, error %v; want to wait %v", ok, wait, err, want)
			}
		}
		wantWait(math.MaxInt64)
		f.show(t, p, 1)
		<-v.Wake()
		wantNext(t, v, 1)
		wantWait(900 * time.Millisecond)
		time.Sleep(30 * time.Millisecond)
		wantWait(870 * time.Millisecond)
		f.show(t, p, 2)
		<-v.Wake()
		wantWait(70 * time.Millisecond) // until its slot
		time.Sleep(70 * time.Millisecond)
		wantNext(t, v, 2)
		p.Skip()
		wantWait(math.MaxInt64)
	})
}

// Rates are exact for regular streams, and fall when nothing comes.
func TestRates(t *testing.T) {
	tests := []struct {
		name     string
		interval time.Duration
		events   int
		silence  time.Duration // after the last event
		want     float64
	}{
		{"one", time.Second, 1, 0, 0},
		{"two", 40 * time.Millisecond, 2, 0, 25},
		{"25", 40 * time.Millisecond, 100, 0, 25},
		{"25-an-interval-later", 40 * time.Millisecond, 100, 40 * time.Millisecond, 25},
		{"1000", time.Millisecond, 5000, 0, 1000},
		{"1", time.Second, 10, 0, 1},
		{"0.2", 5 * time.Second, 3, 4 * time.Second, 0.2},
		{"0.2-late", 5 * time.Second, 3, 10 * time.Second, 0.1},
		{"0.2-closed", 5 * time.Second, 3, 16 * time.Second, 0},
		{"at-once", 0, 10, 0, 0},
		{"25-closed", 40 * time.Millisecond, 100, 3 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, stream.Options{OfflineAfter: time.Hour})
				p := f.publisher(t, "cam1")
				v := f.viewer(t, "cam1", stream.ViewerOptions{})
				for i := range tt.events {
					if i > 0 {
						time.Sleep(tt.interval)
					}
					p.Arrived()
					f.show(t, p, i)
					wantNext(t, v, i)
				}
				time.Sleep(tt.silence)
				i := f.info(t, "cam1")
				for what, got := range map[string]float64{"in": i.FPSIn, "out": i.FPSOut, "viewer": i.Viewers[0].FPS} {
					if math.Abs(got-tt.want) > tt.want/1000 {
						t.Errorf("%s: got %v fps, want %v", what, got, tt.want)
					}
				}
			})
		})
	}
}

// Half a second after a stop the rate has fallen by half a second's worth.
func TestRateFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{OfflineAfter: time.Hour})
		p := f.publisher(t, "cam1")
		var last float64
		for i := range 101 { // the last at 4 s
			p.Arrived()
			if i < 100 {
				time.Sleep(40 * time.Millisecond)
			}
		}
		for i := range 5 {
			got := f.info(t, "cam1").FPSIn
			if i > 0 && got >= last && last > 0 {
				t.Errorf("%d half seconds after the last frame: got %v fps, want less than %v", i, got, last)
			}
			last = got
			time.Sleep(500 * time.Millisecond)
		}
		if last != 0 {
			t.Errorf("2 s after the last frame: got %v fps, want 0", last)
		}
	})
}

// Lag is the time from capture to delivery, of new images.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		f := newFixture(t, stream.Options{OfflineAfter: time.Hour, Lag: func(d time.Duration) { told = append(told, d) }})
		p := f.publisher(t, "cam1")
		v := f.viewer(t, "cam1", stream.ViewerOptions{Transport: "mjpeg", Peer: "127.0.0.1:5"})
		pic := f.image(t, 1)
		pic.Captured = time.Now()
		time.Sleep(7 * time.Millisecond)
		if err := p.Publish(pic); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
		got, err := v.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
		v.Delivered(&got)
		got.Release()
		time.Sleep(time.Second)
		wantNext(t, v, 1) // a repeat
		i := f.info(t, "cam1").Viewers[0]
		want := stream.ViewerInfo{ID: 1, Transport: "mjpeg", Peer: "127.0.0.1:5", Since: i.Since, FPS: i.FPS, Delivered: 2, Lag: 42 * time.Millisecond, Bytes: 2 * imageBytes}
		if i != want || !slices.Equal(told, []time.Duration{want.Lag}) {
			t.Errorf("got %+v, and told %v; want %+v, told once", i, told, want)
		}
		v.Delivered(&stream.Image{Captured: time.Now().Add(-time.Hour), Offline: true}) // an offline image has no lag
		if i := f.info(t, "cam1").Viewers[0]; i.Lag != want.Lag || len(told) != 1 {
			t.Errorf("after a lost source's image: got a lag of %v, told %v; want %v, told once", i.Lag, told, want.Lag)
		}
		v.Close()
		v.Delivered(&got) // too late
		if got := f.Totals().Transports[0]; got.Delivered != 3 || len(told) != 1 {
			t.Errorf("after Close: got %+v, told %v", got, told)
		}
	})
}
