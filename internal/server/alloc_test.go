package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
)

// TestStreamAllocations: what the server's process allocates for a frame over a gRPC stream in steady state: half an object
// with batches of 25, 4 with batches of one, which are grpc-go's for each message that it sends (docs/adr/0009-grpc-codec.md). On a busy
// machine the runtime makes some of its own, up to most.
func TestStreamAllocations(t *testing.T) {
	for _, tt := range []struct {
		batch               int
		objects, most, size float64
	}{{25, 0.5, 1, 256}, {1, 4, 6, 512}} {
		t.Run(fmt.Sprintf("batch=%d", tt.batch), func(t *testing.T) {
			server := startChild(t, "{}")
			c, err := dialClient(server.GRPC, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			s, err := c.EncodeStream(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			batch := &client.Batch{Spec: w1, Frames: makeFrames(t, w1.Input, tt.batch)}
			encodeOnStream(t, s, batch, 1000/tt.batch)
			objects, size := math.Inf(1), math.Inf(1) // the least of some tries
			for try := 0; try < 6 && (objects > tt.objects || size > tt.size); try++ {
				const frames = 1000
				before := server.counters(t)
				encodeOnStream(t, s, batch, frames/tt.batch)
				after := server.counters(t)
				objects = min(objects, float64(after.Mallocs-before.Mallocs)/frames)
				size = min(size, float64(after.Bytes-before.Bytes)/frames)
				t.Logf("%.2f objects and %.0f bytes a frame", objects, size)
			}
			if objects > tt.most || size > tt.size {
				t.Errorf("got %.2f objects and %.0f bytes a frame, want %v (at most %v) and at most %v", objects, size, tt.objects, tt.most, tt.size)
			}
		})
	}
}

// encodeOnStream sends a batch so many times, each after the response to the last.
func encodeOnStream(t *testing.T, s *client.EncodeStream, batch *client.Batch, times int) {
	t.Helper()
	var response client.Response
	for range times {
		if err := s.Send(batch); err != nil {
			t.Fatal(err)
		}
		if err := s.Recv(&response); err != nil {
			t.Fatal(err)
		}
		for _, p := range response.Images {
			if p.Err != nil {
				t.Fatal(p.Err)
			}
		}
	}
}

// TestEndlessBodyAllocations: after warm-up, 100 batches of 25 frames over an endless HTTP body make the server's whole
// process allocate fewer than 800 objects, a third of one a frame: net/http's, for each chunk. On a busy machine the runtime allocates a few more of its own, but not again in the next try.
func TestEndlessBodyAllocations(t *testing.T) {
	server := startChild(t, "{}")
	frames := makeFrames(t, w1.Input, 25)
	batch := bytes.Join(frames, nil)
	images := bytes.Join(encodeDirectly(t, w1, frames), nil)
	conn, err := dialRaw("tcp", server.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\nAccept: video/x-motion-jpeg\r\nTransfer-Encoding: chunked\r\n\r\n", query(t, w1))
	var response io.Reader
	encode := func(batches int) {
		sent := make(chan error, 1)
		go func() {
			for range batches {
				chunk := append(fmt.Appendf(nil, "%x\r\n", len(batch)), batch...)
				if _, err := conn.Write(append(chunk, '\r', '\n')); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		if response == nil {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			response = resp.Body
		}
		got := make([]byte, len(images))
		for range batches {
			if _, err := io.ReadFull(response, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, images) {
				t.Fatal("got images that are not the library's")
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	encode(40)
	const most = 800
	objects := uint64(most)                            // of the last try
	for try := 0; try < 20 && objects >= most; try++ { // On a busy machine more goroutines wait, each in an object of the runtime.
		before := server.counters(t)
		encode(100)
		after := server.counters(t)
		objects = after.Mallocs - before.Mallocs
		t.Logf("100 batches of 25 frames: %d objects, %d bytes", objects, after.Bytes-before.Bytes)
	}
	if objects >= most {
		t.Errorf("100 batches of 25 frames allocated %d objects, want fewer than %d", objects, most)
	}
}

// TestLiveAllocations: what the server's process allocates in steady state for each frame of a live stream, and for
// each image and viewer: one that asks for each image, and one that only reads. It is grpc-go's, for each message that it
// sends (docs/adr/0009-grpc-codec.md).
func TestLiveAllocations(t *testing.T) {
	const viewers = 10
	one, asking, reading := measureLive(t, 1, 0), measureLive(t, 1+viewers, 0), measureLive(t, 1, viewers)
	for _, tt := range []struct {
		what          string
		got           usage
		objects, size float64
	}{
		{"a frame with one viewer", one, 8, 512},
		{"an image and viewer that asks", asking.minus(one).by(viewers), 8, 384},
		{"an image and viewer that reads", reading.minus(one).by(viewers), 5, 256},
	} {
		t.Logf("%.1f objects and %.0f bytes for %s", tt.got.objects, tt.got.size, tt.what)
		if tt.got.objects > tt.objects || tt.got.size > tt.size {
			t.Errorf("got %.1f objects and %.0f bytes for %s, want at most %v and %v", tt.got.objects, tt.got.size, tt.what, tt.objects, tt.size)
		}
	}
}

// usage is what was allocated.
type usage struct{ objects, size float64 }

func (u usage) minus(v usage) usage { return usage{u.objects - v.objects, u.size - v.size} }
func (u usage) by(n float64) usage  { return usage{u.objects / n, u.size / n} }
func (u usage) least(v usage) usage { return usage{min(u.objects, v.objects), min(u.size, v.size)} }

// measureLive returns what the server's process allocates for each frame of a live stream that so many viewers watch:
// those that ask for each image, of which there is one at least, and those that only read.
func measureLive(t *testing.T, asking, reading int) usage {
	t.Helper()
	server := startChild(t, "{}")
	c, err := dialClient(server.GRPC, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p := publish(t, c, "cam1", w1)
	next := make([]func() (repeat bool, err error), 0, asking+reading)
	for range asking {
		w, pic := watch(t, c, "cam1", nil), &client.LiveImage{}
		next = append(next, func() (bool, error) { err := w.Next(pic); return pic.Repeat, err })
	}
	for range reading {
		stream, err := api.NewFrameServiceClient(c.Conn()).Watch(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&api.WatchRequest{Stream: "cam1"}); err != nil {
			t.Fatal(err)
		}
		next = append(next, func() (bool, error) { m, err := stream.Recv(); return m.GetRepeat(), err })
	}
	const frames = 400
	pixels := makeFrames(t, w1.Input, 2)
	run := func() {
		for i := range frames {
			if err := p.Send(pixels[i%2]); err != nil {
				t.Fatal(err)
			}
			for _, next := range next {
				for repeat := true; repeat; {
					if repeat, err = next(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	run()
	least := usage{math.Inf(1), math.Inf(1)}
	for range 4 {
		before := server.counters(t)
		run()
		after := server.counters(t)
		least = least.least(usage{float64(after.Mallocs - before.Mallocs), float64(after.Bytes - before.Bytes)}.by(frames))
	}
	return least
}
