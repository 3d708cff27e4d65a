package live

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
	"github.com/steadyframe/steadyframe/jpeg"
)

// TestCostlyJPEGs: small JPEGs that take much memory or time to decode are refused before they do, and the stream goes on.
func TestCostlyJPEGs(t *testing.T) {
	const budget = 64 << 20
	r := start(t, func(c *config.Config) {
		c.Limits.MemoryBudget, c.Limits.MemoryFloor = budget, 0
		c.Live.EncodeUnwatched = true
		online(c)
	})
	p := r.publish("cam", Settings{JPEG: true, Spec: resized(32, 32)})
	r.view("cam")
	all444, cmyk := []byte{0x11, 0x11, 0x11}, []byte{0x11, 0x11, 0x11, 0x11}
	failed, noMemory := uint64(0), uint64(0)
	for _, tt := range []struct {
		name   string
		image  oddjpeg.Image
		reason stream.DropReason
	}{
		{"4:4:4 of 19 bytes a pixel", oddjpeg.Image{Width: 2048, Height: 2048, Sampling: all444, Progressive: true}, stream.NoMemory},
		{"CMYK of 24 bytes a pixel", oddjpeg.Image{Width: 2048, Height: 2048, Sampling: cmyk, Adobe: 1, Progressive: true}, stream.NoMemory},
		{"2,000 scans", oddjpeg.Image{Width: 1024, Height: 1024, Progressive: true, ACScans: 2000}, stream.Failed},
		{"50 million pixels and more", oddjpeg.Image{Width: 10000, Height: 10000}, stream.Failed},
	} {
		data := tt.image.Bytes()
		r.jpeg(p, data)
		switch tt.reason {
		case stream.NoMemory:
			noMemory++
		default:
			failed++
		}
		until(t, tt.name+" is refused", func() bool {
			d := r.info("cam").Dropped
			return d[stream.Failed] == failed && d[stream.NoMemory] == noMemory
		})
	}
	usual := r.engine.Pool.Stats().Admitted
	for n := range uint64(2) { // what is admitted for a large one is given back at once
		large := oddjpeg.Image{Width: 1200, Height: 1000, Sampling: all444, Progressive: true}
		r.jpeg(p, large.Bytes())
		until(t, "the large one is published", func() bool { _, published, _ := p.Counts(); return published == n+1 })
		until(t, "its memory is given back", func() bool { return r.engine.Pool.Stats().Admitted-usual <= 2<<20 })
	}
	if n := r.Live.decoded.Load(); n != 0 {
		t.Errorf("got %d bytes of decoders in the account, want none", n)
	}
}

// waitFor waits for an image that is no repeat.
func waitFor(t *testing.T, r *running, v *stream.Viewer) {
	t.Helper()
	for repeat := true; repeat; {
		pic, err := v.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		repeat = pic.Repeat
		pic.Release()
	}
}

// TestDecodingIsGivenUp: when nobody needs the JPEG that is being decoded, the decoder stops in the middle.
func TestDecodingIsGivenUp(t *testing.T) {
	// About a minute of work, if it were done to its end.
	endless := oddjpeg.Image{Width: 6000, Height: 6000, Progressive: true, ACScans: 31}.Bytes()
	for _, tt := range []struct {
		name string
		end  func(r *running, p *Publisher)
	}{
		{"closed", func(_ *running, p *Publisher) { p.Close() }},
		{"replaced", func(r *running, p *Publisher) {
			r.publish("cam", Settings{JPEG: true})
			<-p.over
		}},
		{"stopped", func(r *running, p *Publisher) {
			closed := make(chan struct{})
			go func() { // as publishers do
				defer close(closed)
				<-p.Done()
				p.Close()
			}()
			r.stop()
			<-closed
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, func(c *config.Config) { c.Live.EncodeUnwatched = true })
			p := r.publish("cam", Settings{JPEG: true, Spec: resized(32, 32)})
			r.jpeg(p, endless)
			until(t, "it is being decoded", func() bool { return r.Live.decoded.Load() > 0 })
			tt.end(r, p)
			if _, published, dropped := p.Counts(); published != 0 || dropped != 1 || p.Failed() != 0 {
				t.Errorf("got %d images, %d dropped and %d failed, want one dropped", published, dropped, p.Failed())
			}
			if n := r.Live.decoded.Load(); n != 0 {
				t.Errorf("got %d bytes of decoders in the account, want none", n)
			}
		})
	}
}

// TestDecodingTakesTurns: while one stream decodes a costly JPEG, another gets its turns, with one worker for both.
func TestDecodingTakesTurns(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Workers, c.Live.EncodeUnwatched = 1, true })
	costly := r.publish("costly", Settings{JPEG: true, Spec: resized(32, 32)})
	usual := r.publish("usual", Settings{JPEG: true, Spec: resized(32, 16)})
	v := r.view("usual")
	r.jpeg(costly, oddjpeg.Image{Width: 6000, Height: 6000, Progressive: true, ACScans: 31}.Bytes())
	until(t, "it is being decoded", func() bool { return r.Live.decoded.Load() > 0 })
	for n := range 10 {
		r.jpeg(usual, encoded(t, 64, 32, n, jpeg.Sub420))
		waitFor(t, r, v)
	}
	if _, published, dropped := costly.Counts(); published+dropped != 0 {
		t.Errorf("got %d images and %d dropped of the costly stream: too quick to be a test", published, dropped)
	}
}

// TestBytesBehindTheEnd of a JPEG that is passed on stay away from viewers.
func TestBytesBehindTheEnd(t *testing.T) {
	r := start(t, online)
	p := r.publish("cam", Settings{JPEG: true})
	v := r.view("cam")
	for n, trailer := range []string{"", "\x00\x00\x00", "\xff\xd8\xff\xe0 a second image", "text"} {
		data := encoded(t, 64, 32, n, jpeg.Sub420)
		r.jpeg(p, append(bytes.Clone(data), trailer...))
		if s := r.next(v); !bytes.Equal(s.data, data) {
			t.Errorf("trailer %q: got %d bytes, want the %d of the JPEG", trailer, len(s.data), len(data))
		}
	}
}

// TestOrientation: JPEGs that are decoded come out upright; those that are passed on keep what they say, and the size is
// that of the upright image.
func TestOrientation(t *testing.T) {
	plain := encoded(t, 64, 32, 5, jpeg.Sub420)
	for _, tt := range []struct {
		orientation   int
		width, height int
	}{{1, 64, 32}, {3, 64, 32}, {6, 32, 64}, {8, 32, 64}} {
		t.Run(fmt.Sprint(tt.orientation), func(t *testing.T) {
			r := start(t, online)
			turned := oddjpeg.WithOrientation(plain, tt.orientation)
			passed := r.publish("passed", Settings{JPEG: true})
			v := r.view("passed")
			r.jpeg(passed, turned)
			if s := r.next(v); !bytes.Equal(s.data, turned) || s.Width != tt.width || s.Height != tt.height {
				t.Errorf("passed on: got %d bytes, %dx%d, want %dx%d and the same bytes", len(s.data), s.Width, s.Height, tt.width, tt.height)
			}
			again := Settings{JPEG: true}
			again.Spec.Output.Quality = 90
			encodedAgain := r.publish("again", again)
			v = r.view("again")
			r.jpeg(encodedAgain, turned)
			s := r.next(v)
			if size := r.decode(s.data).Bounds().Size(); size.X != tt.width || size.Y != tt.height || s.Width != tt.width || s.Height != tt.height {
				t.Errorf("encoded again: got %v, said to be %dx%d, want %dx%d", size, s.Width, s.Height, tt.width, tt.height)
			}
		})
	}
}
