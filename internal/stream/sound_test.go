package stream_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

var mono = stream.SoundFormat{Rate: 16000, Channels: 1}

// chunk is what comes every 20 ms.
const chunk = 20 * time.Millisecond

// pcm returns 20 ms of mono: moments first and on, each its number.
func pcm(first int) []byte {
	var p []byte
	for i := range 320 {
		p = binary.LittleEndian.AppendUint16(p, uint16((first+i)%10000+1000))
	}
	return p
}

func (f *fixture) sound(t testing.TB, name string, format stream.SoundFormat) *stream.SoundPublisher {
	t.Helper()
	ring, err := f.pool.Get(stream.SoundBytes(format))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.PublishSound(name, format, ring)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fixture) listener(t testing.TB, name string) *stream.Listener {
	t.Helper()
	l, err := f.Listen(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// read returns the next sound, which must be there.
func read(t testing.TB, l *stream.Listener) ([]byte, time.Time) {
	t.Helper()
	p := make([]byte, 64<<10)
	n, at, err := l.Read(p)
	if err != nil || n == 0 {
		t.Fatalf("got %d bytes, %v, want sound", n, err)
	}
	return p[:n], at
}

// Samples come out as they went in, each a sample after the one before, whenever they came within the jitter of a network. After
// a pause they have the time of their coming.
func TestSoundTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.sound(t, "cam1", mono)
		defer p.Close()
		l := f.listener(t, "cam1")
		defer l.Close()
		start := time.Now()
		for i := range 500 {
			time.Sleep(time.Until(start.Add(time.Duration(i)*chunk + time.Duration(i*7919%90)*time.Millisecond*time.Duration(min(i, 1)))))
			if err := p.Publish(pcm(320*i), time.Time{}); err != nil {
				t.Fatal(err)
			}
			<-l.Wake()
			got, at := read(t, l)
			if want := start.Add(time.Duration(i) * chunk); !bytes.Equal(got, pcm(320*i)) || !at.Equal(want) {
				t.Fatalf("chunk %d: got %d bytes for %v, want it for %v", i, len(got), at.Sub(start), want.Sub(start))
			}
		}
		time.Sleep(3 * time.Second)
		if err := p.Publish(pcm(0), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, at := read(t, l); !at.Equal(time.Now()) {
			t.Errorf("after a pause: got sound for %v ago, want now", time.Since(at))
		}
		if err := p.Publish(pcm(0), time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, at := read(t, l); time.Since(at) != time.Minute {
			t.Errorf("got sound for %v ago, want for a minute, as Publish said", time.Since(at))
		}
	})
}

// Sound that is held up keeps its times, where each piece says its own, and where the source never pauses: a second of it that
// comes at once, seconds late, in pieces small or large, is for when it was captured, and so is all that follows.
func TestSoundHeldUp(t *testing.T) {
	for _, tt := range []struct {
		name        string
		told, never bool
	}{{"times", true, false}, {"never pauses", false, true}, {"both", true, true}} {
		for _, held := range []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second} {
			t.Run(fmt.Sprint(tt.name, " ", held), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, stream.Options{})
					p := f.sound(t, "cam1", mono)
					defer p.Close()
					l := f.listener(t, "cam1")
					defer l.Close()
					if tt.never {
						p.NeverPauses()
					}
					start := time.Now()
					for i := range 1500 { // 30 s
						captured := start.Add(time.Duration(i) * chunk)
						if i < 500 || time.Since(captured) > held { // what waited comes at once
							time.Sleep(time.Until(captured))
						}
						if i == 500 {
							time.Sleep(held)
						}
						var said time.Time
						if tt.told {
							said = captured
						}
						if err := p.Publish(pcm(320*i), said); err != nil {
							t.Fatal(err)
						}
						if _, at := read(t, l); !at.Equal(captured) {
							t.Fatalf("piece %d, %v late: got a time %v off", i, time.Since(captured), at.Sub(captured))
						}
					}
				})
			})
		}
	}
}

// Times that a source says hold where they leave a gap or go back, and to a millisecond in the mean where they are inaccurate; a
// clock that is set makes nobody wait.
func TestSoundSaidTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.sound(t, "cam1", mono)
		defer p.Close()
		l := f.listener(t, "cam1")
		defer l.Close()
		var clock, gaps time.Duration // of the source's clock, ahead of ours; of its sound
		start := time.Now()
		publish := func(i int, wrong time.Duration) time.Duration {
			t.Helper()
			captured := start.Add(time.Duration(i)*chunk + gaps)
			time.Sleep(time.Until(captured))
			if ahead := p.Ahead(); ahead > 0 {
				t.Fatalf("piece %d waits for %v, want that it does not", i, ahead)
			}
			if err := p.Publish(pcm(320*i), captured.Add(clock+wrong)); err != nil {
				t.Fatal(err)
			}
			_, at := read(t, l)
			return at.Sub(captured) - clock
		}
		i := 0
		for _, set := range []struct{ clock, gap time.Duration }{{}, {0, 20 * time.Millisecond}, {0, 3 * time.Second}, {time.Hour, 0}, {0, 0}, {-time.Second, 0}, {0, 0}} {
			clock, gaps = set.clock, gaps+set.gap
			for range 10 {
				if off := publish(i, 0); off != 0 {
					t.Errorf("piece %d, after %+v: got a time %v off", i, set, off)
				}
				i++
			}
		}
		for n := range 1000 { // ±10 ms, and 3 ms of an offset
			off := publish(i, 3*time.Millisecond+time.Duration(n*7919%21-10)*time.Millisecond) - 3*time.Millisecond
			if n > 200 && off.Abs() > 1500*time.Microsecond || off.Abs() > 15*time.Millisecond {
				t.Errorf("piece %d of an inaccurate clock: got a time %v off", n, off)
			}
			i++
		}
	})
}

// Samples that a source loses, which never pauses and says no times, are noticed: its sound is for its time again.
func TestSoundLosesSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.sound(t, "cam1", mono)
		defer p.Close()
		p.NeverPauses()
		l := f.listener(t, "cam1")
		defer l.Close()
		start := time.Now()
		var off time.Duration
		for i := range 600 {
			captured := start.Add(time.Duration(i) * chunk)
			if i >= 200 {
				captured = captured.Add(700 * time.Millisecond) // which are missing
			}
			time.Sleep(time.Until(captured))
			if err := p.Publish(pcm(0), time.Time{}); err != nil {
				t.Fatal(err)
			}
			_, at := read(t, l)
			off = at.Sub(captured)
		}
		if off != 0 {
			t.Errorf("got times %v off, want that they are right again", off)
		}
	})
}

// A source whose clock is 500 millionths wrong is off by 300 ms after 10 minutes; its sound stays within 40 ms of the images that
// come with it, and its times never jump by more than 2 ms.
func TestSoundDrift(t *testing.T) {
	const piece = 5 * chunk
	data := bytes.Repeat(pcm(0), int(piece/chunk))
	for _, wrong := range []float64{-500e-6, 500e-6} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, stream.Options{})
			p := f.sound(t, "cam1", mono)
			defer p.Close()
			l := f.listener(t, "cam1")
			defer l.Close()
			start := time.Now()
			last := start.Add(-piece)
			var worst time.Duration
			for i := range int(10 * time.Minute / piece) {
				came := time.Duration(float64(time.Duration(i)*piece) * (1 + wrong)) // when an image that belongs to it comes, too
				time.Sleep(time.Until(start.Add(came)))
				if err := p.Publish(data, time.Time{}); err != nil {
					t.Fatal(err)
				}
				_, at := read(t, l)
				worst = max(worst, at.Sub(start.Add(came)).Abs())
				if step := at.Sub(last) - piece; step.Abs() > 2*time.Millisecond {
					t.Fatalf("piece %d: got a jump of %v", i, step)
				}
				last = at
			}
			if worst > 40*time.Millisecond {
				t.Errorf("got sound up to %v from its images, want 40 ms", worst)
			}
			t.Logf("%+.0f millionths: at most %v from its images", wrong*1e6, worst)
		})
	}
}

// Sound may be published for half a second from now; then the publisher waits.
func TestSoundAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.sound(t, "cam1", mono)
		defer p.Close()
		start := time.Now()
		for range 500 { // 10 s
			time.Sleep(p.Ahead())
			if err := p.Publish(pcm(0), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 9400*time.Millisecond || took > 9600*time.Millisecond {
			t.Errorf("got 10 s of sound in %v, want 9.5 s", took)
		}
	})
}

// A listener that is behind gets the samples that are not silence, in order and for their times, and less silence; one that is
// too far behind goes on with what there is.
func TestSoundBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{})
		p := f.sound(t, "cam1", mono)
		defer p.Close()
		l := f.listener(t, "cam1")
		defer l.Close()
		start := time.Now()
		publish := func(loud bool, i int) {
			data := make([]byte, 640)
			if loud {
				data = pcm(320 * i)
			}
			if err := p.Publish(data, time.Time{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(chunk)
		}
		for i := range 50 { // 1 s: 200 ms of sound, 600 ms of silence, 200 ms of sound
			publish(i < 10 || i >= 40, i)
		}
		var got []byte
		var last time.Time
		for len(got) < 640*10 {
			b := make([]byte, 640)
			n, at, err := l.Read(b)
			if err != nil || n != 640 || !at.Equal(start.Add(time.Duration(len(got)/640)*chunk)) {
				t.Fatalf("got %d bytes for %v, %v", n, at.Sub(start), err)
			}
			got, last = append(got, b...), at
		}
		rest, at := read(t, l)
		if skipped := at.Sub(last) - chunk; skipped != 550*time.Millisecond { // from 800 ms behind to 250
			t.Errorf("got %v skipped, want 550 ms of silence", skipped)
		}
		if quiet := len(rest) - 640*10; quiet != 640*5/2 || !bytes.Equal(rest[quiet:], bytes.Join([][]byte{pcm(320 * 40), pcm(320 * 41), pcm(320 * 42), pcm(320 * 43), pcm(320 * 44), pcm(320 * 45), pcm(320 * 46), pcm(320 * 47), pcm(320 * 48), pcm(320 * 49)}, nil)) {
			t.Errorf("got %d bytes of silence before the sound, want %d", quiet, 640*5/2)
		}
		for i := range 150 { // 3 s
			publish(true, i)
		}
		rest, at = read(t, l)
		if !bytes.HasPrefix(rest, pcm(320*50)) || !at.Equal(start.Add(2*time.Second)) {
			t.Errorf("3 s behind: got %d bytes for %v, want what is 2 s old", len(rest), at.Sub(start))
		}
	})
}

// Sound ends with its publisher, when another takes it over, with its stream and with the Hub; and it keeps its stream.
func TestSoundEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, stream.Options{MaxViewers: 1})
		var missing *stream.NotFoundError
		if _, err := f.Listen("cam1", nil); !errors.As(err, &missing) {
			t.Errorf("got %v, want a NotFoundError", err)
		}
		first := f.sound(t, "cam1", mono)
		l := f.listener(t, "cam1")
		var limit *stream.LimitError
		if _, err := f.Listen("cam1", nil); !errors.As(err, &limit) {
			t.Errorf("a second listener: got %v, want a LimitError", err)
		}
		second := f.sound(t, "cam1", stream.SoundFormat{Rate: 48000, Channels: 2})
		<-first.Done()
		if _, _, err := l.Read(make([]byte, 100)); err != stream.ErrReplaced || first.Publish(pcm(0), time.Time{}) != stream.ErrReplaced {
			t.Errorf("after another publisher: got %v, want ErrReplaced", err)
		}
		l.Close()
		l.Close()
		first.Close()
		time.Sleep(time.Hour)
		if got := f.info(t, "cam1").Sound; got != (stream.SoundFormat{Rate: 48000, Channels: 2}) {
			t.Errorf("got sound %+v, want that of the second", got)
		}
		second.Close()
		if _, err := f.Listen("cam1", nil); err != stream.ErrNoSound {
			t.Errorf("got %v, want ErrNoSound", err)
		}
		time.Sleep(time.Hour)
		if _, ok := f.Info("cam1"); ok {
			t.Error("a stream without sound and images did not expire")
		}
		third := f.sound(t, "cam1", mono)
		l = f.listener(t, "cam1")
		f.stop()
		<-third.Done()
		<-l.Wake()
		if _, _, err := l.Read(make([]byte, 100)); err != stream.ErrClosed {
			t.Errorf("the Hub closed: got %v, want ErrClosed", err)
		}
		for _, format := range []stream.SoundFormat{{}, {Rate: 7999, Channels: 1}, {Rate: 48001, Channels: 1}, {Rate: 48000, Channels: 3}} {
			ring, err := f.pool.Get(1000)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.PublishSound("cam1", format, ring); err == nil {
				t.Errorf("%+v: got no error", format)
			}
		}
	})
}

func TestSoundAllocatesNothing(t *testing.T) {
	f := newFixtureOn(t, pool.New(nil), stream.Options{})
	p := f.sound(t, "cam1", mono)
	defer p.Close()
	l := f.listener(t, "cam1")
	defer l.Close()
	data, got := pcm(0), make([]byte, 1<<16)
	alloctest.Zero(t, 100, func() {
		if err := p.Publish(data, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if n, _, err := l.Read(got); n != len(data) || err != nil {
			t.Fatalf("got %d bytes, %v", n, err)
		}
	})
}
