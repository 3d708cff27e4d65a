package server_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// segmentsReused returns how many segments the server has reused.
func (s *running) segmentsReused(t *testing.T) int {
	t.Helper()
	_, body := s.admin(t, "/metrics")
	m := regexp.MustCompile(`steadyframe_segments_total\{outcome="reused"\} (\d+)`).FindStringSubmatch(body)
	if m == nil {
		t.Fatal("got no steadyframe_segments_total in /metrics")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReuse: in a stream, over every API, images are those of the library without a history, and unchanged segments are reused. All
// memory comes back.
func TestReuse(t *testing.T) {
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.NV12, Width: 128, Height: 96},
		Output: pipeline.Output{Restart: 4, Reuse: pipeline.ReuseSegments},
	}
	still := makeFrames(t, spec.Input, 1)[0]
	var frames [][]byte
	for i := range 6 {
		f := bytes.Clone(still)
		f[20] = byte(i)
		frames = append(frames, f)
	}
	want := encodeDirectly(t, spec, frames)
	s := start(t, nil)
	for _, api := range []struct {
		name string
		run  func(t *testing.T) [][]byte
	}{
		{"http", func(t *testing.T) [][]byte {
			return readParts(t, s.post(t, query(t, spec), bytes.NewReader(bytes.Join(frames, nil))))
		}},
		{"grpc", func(t *testing.T) [][]byte {
			return stream(t, s.dial(t), spec, frames)
		}},
	} {
		t.Run(api.name, func(t *testing.T) {
			before := s.segmentsReused(t)
			checkImages(t, api.run(t), want)
			eventually(t, "all leases are returned", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().OpenRequests == 0 })
			// Of 12 segments, all but the one with the changed sample, from the third frame on.
			if got := s.segmentsReused(t) - before; got != 4*11 {
				t.Errorf("got %d segments reused, want %d", got, 4*11)
			}
		})
	}
}

// stream sends frames in batches of two, and returns their images.
func stream(t *testing.T, c *client.Client, spec pipeline.Spec, frames [][]byte) (all [][]byte) {
	t.Helper()
	calls, err := c.EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(frames); i += 2 {
		b := client.Batch{ID: uint64(i), Frames: frames[i : i+2]}
		if i == 0 {
			b.Spec = spec
		}
		var a client.Response
		if err := calls.Send(&b); err != nil {
			t.Fatal(err)
		}
		if err := calls.Recv(&a); err != nil {
			t.Fatal(err)
		}
		for k := range a.Images {
			if a.Images[k].Err != nil {
				t.Fatal(fmt.Errorf("frame %d: %w", i+k, a.Images[k].Err))
			}
			all = append(all, bytes.Clone(a.Images[k].Data))
		}
	}
	if err := calls.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return all
}
