package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
)

// served is a steadyframe serve that runs.
type served struct{ *daemon.Server }

// serve starts the server on free ports. When t ends it gets SIGTERM, if it still runs, and must exit with 0.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	return &served{daemon.Serve(t, program, nil, args...)}
}

// The server gives the same bytes as the library, on every path.
func TestServerPathsAgree(t *testing.T) {
	video := clip(t)
	bgrFrames, i420Frames, y4mFile := raw(t, video, bgr), raw(t, video, i420), y4m(t, video)
	fromBGR, fromI420 := library(t, spec(bgr), bgrFrames), library(t, spec(i420), i420Frames)
	s := serve(t)
	url := "http://" + s.HTTP + "/v1/encode?" + query
	ofBGR := fmt.Sprintf("&format=bgr24&size=%dx%d", width, height)
	frameBytes := len(bgrFrames) / frames

	t.Run("http-one", func(t *testing.T) {
		for i := range 3 {
			body, header := post(t, url+ofBGR, "", bgrFrames[i*frameBytes:][:frameBytes])
			if got := header.Get("Content-Type"); got != "image/jpeg" {
				t.Errorf("Content-Type: got %q, want image/jpeg", got)
			}
			wantImages(t, [][]byte{body}, fromBGR[i:i+1])
		}
	})
	t.Run("http-batch", func(t *testing.T) {
		body, header := post(t, url+ofBGR, "", bgrFrames)
		wantImages(t, parts(t, body, header), fromBGR)
	})
	t.Run("http-y4m", func(t *testing.T) {
		body, _ := post(t, url, "video/x-motion-jpeg", y4mFile)
		wantImages(t, split(t, body), fromI420)
	})
	t.Run("http-curl", func(t *testing.T) {
		curl := exec.CommandContext(t.Context(), exttool.Require(t, "curl", "curl"), "-sSf", "--data-binary", "@-",
			"-H", "Accept: video/x-motion-jpeg", url+ofBGR)
		curl.Stdin = bytes.NewReader(bgrFrames)
		body, err := curl.Output()
		if err != nil {
			t.Fatal(err)
		}
		wantImages(t, split(t, body), fromBGR)
	})
	t.Run("http-endless", func(t *testing.T) { wantImages(t, postEndless(t, url+ofBGR, bgrFrames), fromBGR) })
	t.Run("grpc-encode", func(t *testing.T) {
		c := dial(t, s.GRPC)
		var response client.Response
		if err := c.Encode(t.Context(), &client.Batch{Spec: spec(bgr), Frames: cut(bgrFrames)}, &response); err != nil {
			t.Fatal(err)
		}
		wantImages(t, images(t, &response), fromBGR)
	})
	t.Run("grpc-stream", func(t *testing.T) {
		// Two batches of one geometry, then one of another.
		all, more := cut(bgrFrames), cut(i420Frames)
		got := stream(t, dial(t, s.GRPC), []client.Batch{
			{ID: 1, Spec: spec(bgr), Frames: all[:25]}, {ID: 2, Frames: all[25:]}, {ID: 3, Spec: spec(i420), Frames: more},
		})
		wantImages(t, got, append(append([][]byte{}, fromBGR...), fromI420...))
	})
}

// After each of these signals a server serves requests that have begun and then ends, with 0.
func TestServeDrains(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) { drains(t, sig) })
	}
}

func drains(t *testing.T, sig os.Signal) {
	// A server that is started with SIGHUP ignored, as by nohup, does not end by it; nor would one of these tests under nohup.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, sig)
	defer signal.Stop(heard)
	s := serve(t)
	c := dial(t, s.GRPC)
	open, err := c.EncodeStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, width*height*3)
	var response client.Response
	batch := client.Batch{Spec: spec(bgr), Frames: [][]byte{frame}}
	if err := open.Send(&batch); err != nil {
		t.Fatal(err)
	}
	if err := open.Recv(&response); err != nil {
		t.Fatal(err)
	}
	s.Signal(sig)
	// The stream comes to its end: by an error that says to go elsewhere, and whole responses before that.
	for err == nil {
		if err = open.Recv(&response); err == nil {
			images(t, &response)
		}
	}
	s.Terminate(t)
	for _, want := range []string{`"msg":"draining"`, `"msg":"stopped"`} {
		if !strings.Contains(s.Log.String(), want) {
			t.Errorf("log: got\n%s\nwant it to have %s", s.Log.Bytes(), want)
		}
	}
}

func TestHealth(t *testing.T) {
	for _, tt := range []struct{ name, admin string }{{"tcp", "127.0.0.1:0"}, {"unix", "unix:" + filepath.Join(t.TempDir(), "s")}} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, "--admin", tt.admin)
			for _, args := range [][]string{{"health", "--admin", s.Admin}, {"health", "--ready", "--admin", s.Admin}} {
				if r := succeed(t, nil, args...); len(r.stdout) == 0 {
					t.Errorf("steadyframe %q: printed nothing", args)
				}
			}
			s.Terminate(t)
			r := steadyframe(t, nil, "health", "--admin", s.Admin)
			if r.code != 1 || !strings.Contains(string(r.stderr), "no server at "+s.Admin) {
				t.Errorf("without a server: got exit code %d, %s", r.code, r.stderr)
			}
		})
	}
}

// A server whose keys everybody may read says so, once.
func TestServeOpenKeys(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "link.keys")
	write(t, keys, succeed(t, nil, "token", "key").stdout)
	for mode, want := range map[os.FileMode]int{0o644: 1, 0o600: 0} {
		if err := os.Chmod(keys, mode); err != nil {
			t.Fatal(err)
		}
		s := serve(t, "--set", "auth.link_keys="+keys, "--set", "auth.token=secret")
		s.Terminate(t)
		if got := strings.Count(s.Log.String(), "chmod o-rwx "+keys); got != want {
			t.Errorf("mode %v: got the advice %d times, want %d:\n%s", mode, got, want, s.Log.Bytes())
		}
	}
}

func TestServeErrors(t *testing.T) {
	s := serve(t)
	file := filepath.Join(t.TempDir(), "steadyframe.yaml")
	write(t, file, []byte("limits:\n  max_batsh: 3\n"))
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"port-taken", []string{"serve", "--http", s.HTTP, "--grpc", "127.0.0.1:0", "--admin", "off"}, 1, []string{"http.listen", s.HTTP, "--http, --grpc, --admin"}},
		{"unknown-setting", []string{"serve", "--set", "limits.max_frames=3"}, 2, []string{"limits.max_frames"}},
		{"misspelt-in-file", []string{"serve", "--config", file}, 2, []string{"max_batsh", "line 2", "max_batch"}},
		{"bad-value", []string{"check-config", "--set", "limits.max_batch=many"}, 2, []string{"limits.max_batch", "many"}},
		{"no-tokens", []string{"check-config", "--set", "auth.tokens_file=nowhere"}, 2, []string{"auth.tokens_file", "nowhere: no such file"}},
		{"no-scene", []string{"check-config", "--set", "scenes.anna=nowhere"}, 2, []string{"scenes.anna", "nowhere: no such file or folder"}},
		{"empty-scene", []string{"check-config", "--set", "scenes.anna=" + t.TempDir()}, 2, []string{"scenes.anna", "no backgrounds"}},
		{"no-file", []string{"check-config", "--config", "nowhere.yaml"}, 2, []string{"nowhere.yaml"}},
		{"demo-without-grpc", []string{"demo", "--grpc", "off"}, 2, []string{"grpc.listen is off"}},
		{"demo-huge-batch", append([]string{"demo", "--batch", "1000000"}, ports...), 2, []string{"a batch of 1000000 frames"}},
		{"demo-to-stdout", []string{"demo", "-o", "-"}, 2, []string{"--out: got -"}},
		{"demo-bad-fps", []string{"demo", "--fps", "0"}, 2, []string{"--fps"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := steadyframe(t, nil, tt.args...)
			if r.code != tt.code {
				t.Errorf("exit code: got %d, want %d", r.code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(r.stderr), want) {
					t.Errorf("standard error: got %q, want it to say %q", r.stderr, want)
				}
			}
		})
	}
}

// What check-config prints can be used as a file, and says the same then.
func TestCheckConfig(t *testing.T) {
	first := succeed(t, nil, "check-config", "--http", "127.0.0.1:1234", "--set", "limits.max_batch=7")
	for _, want := range []string{"127.0.0.1:1234", "max_batch: 7"} {
		if !strings.Contains(string(first.stdout), want) {
			t.Errorf("got\n%s\nwant it to have %q", first.stdout, want)
		}
	}
	file := filepath.Join(t.TempDir(), "steadyframe.yaml")
	write(t, file, first.stdout)
	if second := succeed(t, nil, "check-config", "--config", file); !bytes.Equal(first.stdout, second.stdout) {
		t.Errorf("read again: got\n%s\nwant\n%s", second.stdout, first.stdout)
	}
}

func TestVersion(t *testing.T) {
	r := succeed(t, nil, "version")
	for _, want := range []string{"steadyframe ", "go1.", "kernels: " + pipeline.DescribeKernels() + "\n"} {
		if !strings.Contains(string(r.stdout), want) {
			t.Errorf("got %q, want it to have %q", r.stdout, want)
		}
	}
}
