package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
)

// server is a steadyframe serve that runs.
type server struct {
	address string // host:port of its HTTP listener
	grpc    string // and of its gRPC listener
	keys    string // the file of its keys of links, where it wants a token
	cmd     *exec.Cmd
	log     bytes.Buffer // complete after done
	done    chan struct{}
}

// serve starts a server at an address, "127.0.0.1:0" for a port of its own, with streams as NAME=SOURCE. It ends with t.
func serve(t *testing.T, address, token string, streams ...string) *server {
	t.Helper()
	return serveWith(t, address, token, nil, streams...)
}

// serveWith is serve with further variables of the environment.
func serveWith(t *testing.T, address, token string, environment []string, streams ...string) *server {
	t.Helper()
	args := []string{"serve", "--http", address, "--grpc", "127.0.0.1:0", "--admin", "off"}
	for _, s := range streams {
		args = append(args, "--stream", s)
	}
	return launch(t, token, environment, args...)
}

// launch is serveWith for arguments of the program.
func launch(t *testing.T, token string, environment []string, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(program, args...), done: make(chan struct{})}
	s.cmd.Env = append(append(os.Environ(), environment...), "STEADYFRAME_LOG_FORMAT=json", "STEADYFRAME_AUTH_TOKEN="+token, "STEADYFRAME_DRAIN_TIMEOUT=2s")
	if token != "" {
		key, err := exec.Command(program, "token", "key").Output()
		if err != nil {
			t.Fatal(err)
		}
		s.keys = filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(s.keys, key, 0o600); err != nil {
			t.Fatal(err)
		}
		s.cmd.Env = append(s.cmd.Env, "STEADYFRAME_AUTH_LINK_KEYS="+s.keys)
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(io.TeeReader(stderr, &s.log))
	for s.address == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("steadyframe serve ended before it said where it serves: %v\n%s", err, s.log.Bytes())
		}
		var entry struct{ Msg, HTTP, GRPC string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "serving" {
			s.address, s.grpc = entry.HTTP, entry.GRPC
		}
	}
	go func() {
		defer close(s.done)
		io.Copy(io.Discard, lines)
		s.cmd.Wait()
	}()
	t.Cleanup(func() { s.end(t) })
	return s
}

// end ends the server as a service manager does, and waits for it.
func (s *server) end(t *testing.T) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended already
	select {
	case <-s.done:
	case <-time.After(2 * time.Minute):
		s.cmd.Process.Kill()
		t.Fatal("the server did not end within two minutes of SIGTERM")
	}
}

func (s *server) url(path string) string { return "http://" + s.address + path }

// stream is what these tests read of GET /v1/streams.
type stream struct {
	Name, State string
	Viewers     []struct {
		Transport string
		Delivered int
	}
}

// streams returns what the server lists.
func (s *server) streams(t *testing.T) []stream {
	t.Helper()
	response, err := http.Get(s.url("/v1/streams"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var list struct{ Streams []stream }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list.Streams
}

// viewers returns how many there are by a transport, of all streams.
func (s *server) viewers(t *testing.T, transport string) (n int) {
	t.Helper()
	for _, st := range s.streams(t) {
		for _, v := range st.Viewers {
			if v.Transport == transport {
				n++
			}
		}
	}
	return n
}

// publisher feeds a stream with images that carry their number.
type publisher struct {
	newest atomic.Int64 // the number of the last frame sent, 0 before the first
	stop   context.CancelFunc
	done   chan struct{}
}

const publishedFPS = 25

// publish makes a stream of 320x180. It ends with t, or before by end.
func publish(t *testing.T, s *server, name string) *publisher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &publisher{stop: cancel, done: make(chan struct{})}
	body, pipe := io.Pipe()
	url := fmt.Sprintf("%s?format=bgr24&size=320x180&fps=%d&quality=85", s.url("/v1/streams/"+name), publishedFPS)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			text, _ := io.ReadAll(response.Body)
			response.Body.Close()
			err = fmt.Errorf("answered %s: %s", response.Status, text)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("publishing %s: %v, want it to last", name, err)
		}
		body.CloseWithError(err)
	}()
	go p.feed(ctx, pipe)
	t.Cleanup(p.end)
	return p
}

// feed writes a frame each fps-th of a second until ctx ends.
func (p *publisher) feed(ctx context.Context, w io.Writer) {
	defer close(p.done)
	d := frame.Desc{Format: frame.BGR24, Width: 320, Height: 180}
	data := make([]byte, 320*180*3)
	f, err := frame.WrapBytes(d, data)
	if err != nil {
		panic(err) // d is right
	}
	tick := time.NewTicker(time.Second / publishedFPS)
	defer tick.Stop()
	for n := 1; ; n++ {
		synth.Fill(&f, synth.Index(320, 180, n))
		if _, err := w.Write(data); err != nil {
			return
		}
		p.newest.Store(int64(n))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// end ends the stream as a publisher that is cut off does.
func (p *publisher) end() {
	p.stop()
	<-p.done
}

// testSources returns n streams of small images made by the server itself.
func testSources(n int) []string {
	sources := make([]string, n)
	for i := range sources {
		sources[i] = fmt.Sprintf("cam%02d=testsrc:320x180@10?seed=%d", i+1, i+1)
	}
	return sources
}

// names returns the names of streams given as NAME=SOURCE.
func names(sources []string) []string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i], _, _ = strings.Cut(s, "=")
	}
	return names
}
