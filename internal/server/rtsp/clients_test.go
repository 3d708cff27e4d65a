package rtsp

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ffmpeg and GStreamer receive the entropy-coded bytes as they are, over TCP and over UDP, of an image large enough for bursts, and of one
// with restart markers.
func TestClients(t *testing.T) {
	const wanted = 3 // images
	clients := map[string]func(t *testing.T, url, over, out string) *exec.Cmd{
		"ffmpeg": func(t *testing.T, url, over, out string) *exec.Cmd {
			return exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-rtsp_transport", over, "-i", url,
				"-c", "copy", "-frames:v", fmt.Sprint(wanted), "-f", "mjpeg", "-y", out)
		},
		"gstreamer": func(t *testing.T, url, over, out string) *exec.Cmd {
			pipeline := fmt.Sprintf("rtspsrc location=%s protocols=%s latency=0 ! rtpjpegdepay ! identity eos-after=%d ! filesink location=%s", url, over, wanted+1, out)
			return exec.CommandContext(t.Context(), exttool.Require(t, "gst-launch-1.0", "gstreamer1.0-tools"), append([]string{"-q"}, strings.Fields(pipeline)...)...)
		},
	}
	f := start(t, nil)
	for name, data := range map[string][][]byte{
		"large":   images(t, 1280, 720, 4, pipeline.Output{Quality: 90}),
		"restart": images(t, 320, 240, 4, pipeline.Output{Restart: pipeline.RestartRow}),
	} {
		f.feed(name, data)
		for program, command := range clients {
			for _, over := range []string{"tcp", "udp"} {
				t.Run(program+"/"+over+"/"+name, func(t *testing.T) {
					t.Parallel()
					out := filepath.Join(t.TempDir(), "out.mjpeg")
					// On a busy machine GStreamer may say PAUSE when it has said TEARDOWN, and then fail, with all images.
					said, failed := command(t, f.url(name), over, out).CombinedOutput()
					got, err := os.ReadFile(out)
					if err != nil {
						t.Fatalf("%v, %v\n%s\n%s", err, failed, said, f.log.String())
					}
					seen := 0
					for _, jpeg := range splitJPEGs(got) {
						found := false
						for _, sent := range data {
							found = found || bytes.Equal(scanOf(jpeg), scanOf(sent))
						}
						if !found {
							t.Fatalf("image %d of %d bytes is none that was sent", seen, len(jpeg))
						}
						seen++
					}
					if seen != wanted {
						t.Errorf("got %d images, want %d: %v\n%s", seen, wanted, failed, said)
					}
				})
			}
		}
	}
}

// feed publishes images over and over, 25 a second, until the test ends.
func (f *fixture) feed(name string, data [][]byte) {
	p := f.publisher(name)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			f.publish(p, data[i%len(data)], time.Now())
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	f.t.Cleanup(func() { cancel(); <-over })
}

// splitJPEGs splits JPEGs that follow each other.
func splitJPEGs(data []byte) (all [][]byte) {
	for len(data) > 0 {
		end := bytes.Index(data, []byte{0xFF, 0xD9})
		if end < 0 {
			return append(all, data)
		}
		all, data = append(all, data[:end+2]), data[end+2:]
	}
	return all
}

// Over TLS all goes through the one connection: UDP, which would be plain, is refused.
func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	trusts := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusts.ServerName = "127.0.0.1"
	f := startOver(t, &tls.Config{Certificates: s.TLS.Certificates}, trusts, nil)
	data := images(t, 640, 360, 2, pipeline.Output{Quality: 95})
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	if f.udp != nil {
		t.Error("the server has UDP")
	}
	v := f.player("cam1", tcp)
	for i, jpeg := range data {
		if i > 0 {
			f.publish(p, jpeg, time.Now())
		}
		for got := v.next(); !bytes.Equal(scanOf(got.jpeg), scanOf(jpeg)); got = v.next() {
		}
	}
	c, err := tls.Dial("tcp", f.addr, trusts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n", f.url("cam1"))
	if head := readHead(t, c); !strings.HasPrefix(head, "RTSP/1.0 461 ") {
		t.Errorf("UDP: got %q, want 461", head)
	}
	plain := f.dial()
	fmt.Fprintf(plain, "OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", f.url("cam1"))
	if said := ends(t, plain); strings.Contains(said, "RTSP/1.0 200") {
		t.Errorf("a plain client: got %q", said)
	}
}
