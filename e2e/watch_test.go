package e2e

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Size of the images of live streams, which carry their index.
const liveWidth, liveHeight = 128, 64

// indexed returns n JPEGs that carry their index, each of so many bytes at least.
func indexed(t testing.TB, n, atLeast int) [][]byte {
	t.Helper()
	d := frame.Desc{Format: frame.BGR24, Width: liveWidth, Height: liveHeight}
	p, err := pipeline.Compile(pipeline.Spec{Input: d, Output: pipeline.Output{Quality: 90}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	images := make([][]byte, n)
	for i := range images {
		f, err := frame.WrapBytes(d, make([]byte, liveWidth*liveHeight*3))
		if err != nil {
			t.Fatal(err)
		}
		synth.Fill(&f, synth.Index(liveWidth, liveHeight, i))
		b := pipeline.Batch{In: []frame.Frame{f}}
		if err := p.Run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		images[i] = pad(b.Out[0].Bytes(), atLeast)
		b.Release()
	}
	return images
}

// pad returns a copy of a JPEG with comments (ITU-T T.81, B.2.4.5) after its first marker, which make it as long as
// wanted.
func pad(jpeg []byte, atLeast int) []byte {
	const longest = 65535 - 2
	padded := bytes.Clone(jpeg[:2])
	for missing := atLeast - len(jpeg); missing > 0; {
		n := min(missing, longest)
		padded = append(padded, 0xff, 0xfe, byte((n+2)>>8), byte(n+2))
		padded = append(padded, make([]byte, n)...)
		missing -= n + 4
	}
	return append(padded, jpeg[2:]...)
}

// indexOf returns the index that an image carries. An image of which a part is another's carries none.
func indexOf(t testing.TB, img image.Image) int {
	t.Helper()
	n, err := synth.ReadIndex(img)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// indexOfJPEG returns the index that a JPEG carries.
func indexOfJPEG(t testing.TB, data []byte) int {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("an image of %d bytes: %v", len(data), err)
	}
	return indexOf(t, img)
}

// wantLive fails t unless indices rise, but for repeats of still images, and show at least so many images.
func wantLive(t testing.TB, indices []int, images int) {
	t.Helper()
	different := 0
	for i, n := range indices {
		if i > 0 && n < indices[i-1] && indices[i-1]-n < 500 { // Those of a feed begin anew.
			t.Errorf("got image %d after %d: %v", n, indices[i-1], indices)
		}
		if i == 0 || n != indices[i-1] {
			different++
		}
	}
	if different < images {
		t.Errorf("got %d different images, want at least %d: %v", different, images, indices)
	}
}

// feeding is a publisher of images over HTTP.
type feeding struct {
	sent atomic.Int64 // images
	stop func()
}

// feed publishes images as a live stream, so many a second, until t ends or stop is called. It returns when the
// stream is there.
func (s *served) feed(t testing.TB, name string, fps int, images [][]byte) *feeding {
	t.Helper()
	body, w := io.Pipe()
	request, err := http.NewRequest(http.MethodPost, "http://"+s.HTTP+"/v1/streams/"+name, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "video/x-motion-jpeg")
	f := &feeding{}
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		defer w.Close()
		tick := time.NewTicker(time.Second / time.Duration(fps))
		defer tick.Stop()
		for i := 0; ; i++ {
			if _, err := w.Write(images[i%len(images)]); err != nil {
				return // The server ends.
			}
			f.sent.Add(1)
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	})
	running.Go(func() {
		defer body.Close()
		response, err := http.DefaultTransport.RoundTrip(request)
		if err == nil {
			response.Body.Close()
		}
	})
	f.stop = sync.OnceFunc(func() { close(ended); running.Wait() })
	t.Cleanup(f.stop)
	daemon.WaitFor(t, "the stream "+name, func() bool { return s.Stream(t, name).State == "online" })
	return f
}
