package live

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/jpeg"
)

// startCamera starts an HTTP server, and a Live with a source of its URL, called door.
func startCamera(t testing.TB, offlineAfter time.Duration, settings config.Stream, serve http.HandlerFunc) *running {
	t.Helper()
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	settings.Source = strings.Replace(s.URL, "://", "://me:hunter2@", 1) + settings.Source
	return start(t, func(c *config.Config) {
		c.Streams = config.Streams{"door": settings}
		c.Live.OfflineAfter = config.Duration(offlineAfter)
	})
}

// TestCameraStream: the JPEGs of a camera are shown as they are, or as the settings say, and broken ones are skipped.
func TestCameraStream(t *testing.T) {
	data := encoded(t, 64, 32, 7, jpeg.Sub420)
	for _, tt := range []struct {
		name          string
		settings      config.Stream
		width, height int
	}{
		{"as-they-are", config.Stream{}, 64, 32},
		{"resized", config.Stream{Resize: config.ImageSize{Width: 32, Height: 16}}, 32, 16},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Source = "/video.cgi?token=hunter3"
			r := startCamera(t, time.Second, tt.settings, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
				for r.Context().Err() == nil {
					fmt.Fprintf(w, "--b--\r\nContent-Length: %d\r\n\r\n%s\r\n--b--\r\nContent-Length: 100\r\n\r\n%s\r\n", len(data), data, data[:100])
					w.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
					case <-time.After(10 * time.Millisecond):
					}
				}
			})
			v := r.view("door")
			until(t, "the camera to be online", func() bool { return r.info("door").State == stream.Online && r.info("door").Published > 0 })
			s := r.next(v)
			for s.Offline {
				s = r.next(v)
			}
			if s.Width != tt.width || s.Height != tt.height || tt.name == "as-they-are" && !bytes.Equal(s.data, data) {
				t.Errorf("got %d bytes of %dx%d, want the image of %dx%d", len(s.data), s.Width, s.Height, tt.width, tt.height)
			}
			until(t, "a broken JPEG to be counted", func() bool { return r.info("door").Dropped[stream.Failed] > 0 })
			i := r.info("door")
			if !strings.HasPrefix(i.Format, "jpeg") || !strings.HasSuffix(i.Source, "/video.cgi?token=xxxxx") {
				t.Errorf("got %+v, want JPEGs, and the source without secrets", i)
			}
			r.stop()
			if log := r.log.String(); strings.Contains(log, "hunter") || !strings.Contains(log, `msg="source online"`) {
				t.Errorf("got log\n%s\nwant the source online, and no secret", log)
			}
		})
	}
}

// TestCameraSnapshot: a snapshot that is polled less often than a stream may be silent stays online, and goes offline
// when the camera stops responding.
func TestCameraSnapshot(t *testing.T) {
	patience.Grow(t, time.Second, cameraSnapshot)
}

func cameraSnapshot(t testing.TB, limit time.Duration) {
	data := encoded(t, 64, 32, 7, jpeg.Sub420)
	var requests, unchanged, gone atomic.Int64
	r := startCamera(t, limit, config.Stream{Source: "/snap.jpg", Every: config.Duration(5 * limit / 2)}, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch {
		case gone.Load() > 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Header.Get("If-None-Match") == `"1"`:
			unchanged.Add(1)
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Type", "image/jpeg")
			w.Write(data)
		}
	})
	until(t, "the snapshot", func() bool { return r.info("door").State == stream.Online })
	until(t, "a second request", func() bool {
		if i := r.info("door"); i.State != stream.Online {
			t.Fatalf("got %+v while the snapshot is polled, want it online", i)
		}
		return unchanged.Load() > 0
	})
	if i := r.info("door"); i.Arrived != 1 || requests.Load() != 2 {
		t.Errorf("got %d frames of %d requests, want 1 of 2", i.Arrived, requests.Load())
	}
	gone.Store(1)
	until(t, "the stream to go offline", func() bool { return r.info("door").State == stream.Offline })
	if i := r.info("door"); !strings.Contains(i.Format, "503 Service Unavailable") {
		t.Errorf("got format %q, want the reason", i.Format)
	}
}

// TestCameraEnds: a camera that ends its stream is asked again, the reason is logged, and a response that is no JPEG is
// named in it.
func TestCameraEnds(t *testing.T) {
	data := encoded(t, 64, 32, 7, jpeg.Sub420)
	var requests atomic.Int64
	r := startCamera(t, time.Second, config.Stream{Source: "/"}, func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
			fmt.Fprintf(w, "--b\r\n\r\n%s\r\n--b\r\n\r\n%s\r\n", data, data)
		case 2:
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>hunter2 wants a login</html>")
		default:
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
			for r.Context().Err() == nil {
				fmt.Fprintf(w, "--b\r\n\r\n%s\r\n", data)
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		}
	})
	until(t, "the camera to be back", func() bool { return r.info("door").Arrived > 5 })
	r.stop()
	for _, want := range []string{`err="the camera ended the stream"`, `err="camera: got text/html, want JPEGs or a video`} {
		if log := r.log.String(); !strings.Contains(log, want) {
			t.Errorf("got log\n%s\nwant %s in it", log, want)
		}
	}
}
