package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// Behind nginx, which buffers what it passes on unless it is told otherwise, images come live, by MJPEG and by
// WebSocket.
func TestWatchBehindNginx(t *testing.T) {
	t.Parallel()
	s := serve(t, "--set", "http.hosts=stream.test")
	s.feed(t, "cam1", 25, indexed(t, 1000, 0))
	socket := nginx(t, s.HTTP)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	const most = 2 * time.Second // of lag: a buffer of nginx holds so many of these images that it would be more
	watchThrough(t, &http.Client{Transport: transport}, "http://stream.test", most)
}

// watchThrough watches cam1, which shows indexed images, through a proxy that c reaches at origin, by MJPEG and by WebSocket.
// An image may be so late at most.
func watchThrough(t *testing.T, c *http.Client, origin string, most time.Duration) {
	watchBelow(t, c, origin, "", most)
}

// watchBelow is watchThrough for a proxy that has the server below a path.
func watchBelow(t *testing.T, c *http.Client, origin, path string, most time.Duration) {
	const images = 40
	// What holds images back does so each time, and a busy machine not always.
	again := func(t *testing.T, watch func() (latest time.Duration)) {
		latest := watch()
		for tries := 1; latest > most && tries < 8; tries++ {
			latest = min(latest, watch())
		}
		if latest > most {
			t.Errorf("got an image %v late, want at most %v", latest, most)
		}
	}
	mjpeg := func(t *testing.T) (latest time.Duration) {
		response, err := c.Get(origin + path + "/stream/cam1.mjpg")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var indices []int
		eachPart(t, bufio.NewReader(response.Body), func(head textproto.MIMEHeader, data []byte) bool {
			indices = append(indices, indexOfJPEG(t, data))
			seconds, err := strconv.ParseFloat(head.Get("X-Timestamp"), 64)
			if err != nil {
				t.Errorf("image %d: %v", len(indices), err)
			}
			latest = max(latest, time.Since(time.UnixMicro(int64(seconds*1e6))))
			return len(indices) < images
		})
		wantLive(t, indices, images/2)
		return latest
	}
	webSocket := func(t *testing.T) (latest time.Duration) {
		ws, _, err := websocket.Dial(t.Context(), strings.Replace(origin, "http", "ws", 1)+path+"/ws", &websocket.DialOptions{
			HTTPClient: c, HTTPHeader: http.Header{"Origin": {origin}}, Subprotocols: []string{"steadyframe.v1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"op":"watch","stream":"cam1","id":5}`)); err != nil {
			t.Fatal(err)
		}
		var indices []int
		for len(indices) < images {
			kind, data, err := ws.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if kind == websocket.MessageText {
				continue
			}
			head := data[:binary.BigEndian.Uint16(data[2:])]
			indices = append(indices, indexOfJPEG(t, data[len(head):]))
			latest = max(latest, time.Since(time.UnixMicro(int64(binary.BigEndian.Uint64(head[16:])))))
			if err := ws.Write(t.Context(), websocket.MessageBinary, head[4:16]); err != nil { // id and seq
				t.Fatal(err)
			}
		}
		wantLive(t, indices, images/2)
		return latest
	}
	t.Run("mjpeg", func(t *testing.T) { again(t, func() time.Duration { return mjpeg(t) }) })
	t.Run("websocket", func(t *testing.T) { again(t, func() time.Duration { return webSocket(t) }) })
}

// nginx runs nginx before the server, buffering all it can, and returns what its clients connect to: the path of a
// socket.
func nginx(t *testing.T, upstream string) (socket string) {
	t.Helper()
	path := exttool.Require(t, "nginx", "nginx-light")
	dir, err := os.MkdirTemp("", "nginx") // t.TempDir's may be too long for a socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "socket")
	config := filepath.Join(dir, "nginx.conf")
	write(t, config, []byte(strings.NewReplacer("DIR", dir, "UPSTREAM", upstream).Replace(`
daemon off;
master_process off;
pid DIR/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  server {
    listen unix:DIR/socket;
    location / {
      proxy_pass http://UPSTREAM;
      proxy_buffering on; # it is by default
      proxy_buffer_size 256k; # 5 s of the test's images
      proxy_buffers 4 256k;
      proxy_busy_buffers_size 512k;
    }
    location /ws {
      proxy_pass http://UPSTREAM;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host; # the page's origin, which the server compares
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`)))
	runProxy(t, exec.Command(path, "-p", dir, "-c", config), "unix", socket)
	return socket
}

// runProxy runs a proxy until t ends. It returns when the proxy listens at an address.
func runProxy(t *testing.T, cmd *exec.Cmd, network, address string) {
	t.Helper()
	name := filepath.Base(cmd.Path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s: %s", name, stderr.Bytes())
		}
	})
	daemon.WaitFor(t, name, func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", name, stderr.Bytes())
		default:
		}
		c, err := net.Dial(network, address) // That a socket is there does not say that somebody listens.
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}
