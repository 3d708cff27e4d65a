package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestEveryFormat: a batch of frames of any format, in one piece as a tensor has them, becomes the library's images over
// HTTP and gRPC, and so does a frame that is published either way.
func TestEveryFormat(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Streams = map[string]config.Stream{}
		for _, f := range frame.Formats() {
			c.Streams["grpc-"+f.String()], c.Streams["http-"+f.String()] = config.Stream{}, config.Stream{}
		}
		c.Live.OfflineAfter = config.Duration(time.Minute)
	})
	c := s.dial(t)
	for _, format := range frame.Formats() {
		spec := pipeline.Spec{Input: frame.Desc{Format: format, Width: 33, Height: 19}, Output: pipeline.Output{Quality: 90}}
		if format.IsFloat() {
			spec.Input.Range = frame.RangeSigned
		}
		frames := makeFrames(t, spec.Input, 3)
		want := encodeDirectly(t, spec, frames)
		whole := bytes.Join(frames, nil)
		size := len(frames[0])
		for i := range frames {
			frames[i] = whole[i*size:][:size]
		}
		t.Run("http/"+format.String(), func(t *testing.T) {
			checkImages(t, readParts(t, s.post(t, query(t, spec), bytes.NewReader(whole))), want)
		})
		t.Run("grpc/"+format.String(), func(t *testing.T) {
			var a client.Response
			if err := c.Encode(timeout(t), &client.Batch{Spec: spec, Frames: frames}, &a); err != nil {
				t.Fatal(err)
			}
			checkImages(t, images(t, &a), want)
		})
		t.Run("publish-grpc/"+format.String(), func(t *testing.T) {
			name := "grpc-" + format.String()
			w := watch(t, c, name, nil)
			p := publish(t, c, name, spec)
			if err := p.Send(frames[0]); err != nil {
				t.Fatal(err)
			}
			checkImages(t, [][]byte{nextOnline(t, w)}, want[:1])
			if _, err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		t.Run("publish-http/"+format.String(), func(t *testing.T) {
			name := "http-" + format.String()
			w := watch(t, c, name, nil)
			body, to := io.Pipe()
			done := make(chan error, 1)
			go func() { done <- s.publishHTTP(t, name, spec, body) }()
			if _, err := to.Write(frames[0]); err != nil {
				t.Fatal(err)
			}
			checkImages(t, [][]byte{nextOnline(t, w)}, want[:1])
			_ = to.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// nextOnline returns the next image of w that is of a frame.
func nextOnline(t *testing.T, w *client.Watcher) []byte {
	t.Helper()
	var p client.LiveImage
	for {
		if err := w.Next(&p); err != nil {
			t.Fatal(err)
		}
		if !p.Offline {
			return p.Data
		}
	}
}

// publishHTTP publishes the frames of a body until it ends.
func (s *running) publishHTTP(t *testing.T, name string, spec pipeline.Spec, body io.Reader) error {
	req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/streams/"+name+"?"+query(t, spec), body)
	if err != nil {
		return err
	}
	transport := newTransport()
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s, %q, %v", resp.Status, text, err)
	}
	return nil
}
