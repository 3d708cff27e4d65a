package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// comingDesc is the geometry of frames that are large enough to be encoded while they come.
var comingDesc = frame.Desc{Format: frame.BGR24, Width: 800, Height: 500}

// TestEncodedWhileTheyCome: large frames become the bytes of the library, one at a time and several at once, where not all can be encoded
// while they come.
func TestEncodedWhileTheyCome(t *testing.T) {
	s := start(t, nil)
	for _, spec := range []pipeline.Spec{
		{Input: comingDesc},
		{Input: comingDesc, Resize: pipeline.Resize{Width: 320, Height: 320}},
		{Input: comingDesc, Crop: pipeline.Rect{X: 100, Y: 50, Width: 300, Height: 200}},
		{Input: frame.Desc{Format: frame.RGBA, Width: 640, Height: 480}, Resize: pipeline.Resize{Width: 700, Height: 500, Filter: pipeline.Area}},
		{Input: comingDesc, Output: pipeline.Output{Restart: pipeline.RestartRow}},
		{Input: frame.Desc{Format: frame.I420, Width: 1000, Height: 800}},
	} {
		frames := makeFrames(t, spec.Input, 4)
		want := encodeDirectly(t, spec, frames)
		q := query(t, spec)
		for _, at := range []int{1, 4} { // at once
			t.Run(fmt.Sprintf("%s/%d", q, at), func(t *testing.T) {
				for range 3 {
					var posts sync.WaitGroup
					for i := range at {
						posts.Go(func() {
							resp := s.post(t, q, bytes.NewReader(frames[i]))
							data := readAll(t, resp.Body)
							if resp.StatusCode != http.StatusOK || !bytes.Equal(data, want[i]) {
								t.Errorf("got %s, %d bytes, want the %d of the library", resp.Status, len(data), len(want[i]))
							}
						})
					}
					posts.Wait()
				}
			})
		}
	}
}
