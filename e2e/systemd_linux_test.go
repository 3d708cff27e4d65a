package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// The settings and the unit that packages bring.
const (
	shippedSettings = "../deploy/packages/steadyframe.yaml"
	shippedUnit     = "../deploy/systemd/steadyframe.service"
)

// managed is a server that is started as systemd starts a service.
type managed struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	told   chan string // what it told the manager
	ended  chan struct{}
}

// serverEnded is what managed.told has last.
const serverEnded = "the server has ended"

// manage starts the program with arguments and sockets: name and listener in turn. Where the manager watches, it wants to hear from
// the server within that time.
func manage(t *testing.T, watchdog time.Duration, sockets []any, args ...string) *managed {
	t.Helper()
	dir, err := os.MkdirTemp("", "systemd") // t.TempDir's may be too long for a socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	hears, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hears.Close() })

	// systemd names the process that sockets are for: a shell learns its own number, and becomes the program.
	m := &managed{told: make(chan string, 1000), ended: make(chan struct{})}
	m.cmd = exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh", program}, args...)...)
	var names []string
	for i := 0; i < len(sockets); i += 2 {
		names = append(names, sockets[i].(string))
		f, err := sockets[i+1].(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		m.cmd.ExtraFiles = append(m.cmd.ExtraFiles, f)
	}
	m.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"),
		"LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	if watchdog > 0 {
		m.cmd.Env = append(m.cmd.Env, "WATCHDOG_USEC="+strconv.FormatInt(watchdog.Microseconds(), 10))
	}
	m.cmd.Env = slicesWithout(m.cmd.Env, "STEADYFRAME_RING_LISTEN=")
	m.cmd.Stderr = &m.stderr
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(m.ended)
		m.cmd.Wait()
		if c, err := net.Dial("unixgram", filepath.Join(dir, "notify")); err == nil { // The manager hears it after all that the server told.
			c.Write([]byte(serverEnded))
			c.Close()
		}
	}()
	go func() {
		defer close(m.told)
		for b := make([]byte, 1000); ; {
			n, err := hears.Read(b)
			if err != nil {
				return
			}
			m.told <- string(b[:n])
		}
	}()
	t.Cleanup(func() {
		m.cmd.Process.Kill()
		<-m.ended
		if t.Failed() {
			t.Logf("%s", m.stderr.Bytes())
		}
	})
	return m
}

// slicesWithout returns the variables of an environment but those that begin so.
func slicesWithout(environ []string, begin string) (kept []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, begin) {
			kept = append(kept, v)
		}
	}
	return kept
}

// hear waits until the manager is told want, n times.
func (m *managed) hear(t *testing.T, want string, n int) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for n > 0 {
		select {
		case got, ok := <-m.told:
			if !ok {
				t.Fatalf("the manager hears nothing more, want %s", want)
			}
			switch got {
			case want:
				n--
			case serverEnded:
				t.Fatalf("the server ended before it told %s", want)
			}
		case <-deadline:
			t.Fatalf("the server does not tell %s", want)
		}
	}
}

// listenTCP and listenUnix listen as systemd does for a .socket unit.
func listenTCP(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func listenUnix(t *testing.T) *net.UnixListener {
	t.Helper()
	dir, err := os.MkdirTemp("", "ring")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "ring.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// The service runs with the settings of the packages, on sockets that systemd opened, and tells systemd how it is.
func TestService(t *testing.T) {
	t.Parallel()
	http1, grpc1, admin1, ring1 := listenTCP(t), listenTCP(t), listenTCP(t), listenUnix(t)
	m := manage(t, 300*time.Millisecond, []any{"http", http1, "grpc", grpc1, "admin", admin1, "ring", ring1}, "serve", "--config", shippedSettings)
	m.hear(t, "READY=1", 1)
	m.hear(t, "WATCHDOG=1", 3)

	for _, url := range []string{"http://" + http1.Addr().String() + "/v1/streams", "http://" + admin1.Addr().String() + "/readyz"} {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: got %s: %s", url, response.Status, body)
		}
	}
	c, err := client.Dial(grpc1.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListStreams(t.Context()); err != nil {
		t.Error(err)
	}
	c.Close()
	ring, err := net.Dial("unix", ring1.Addr().String())
	if err != nil {
		t.Error(err)
	} else {
		ring.Close()
	}

	m.cmd.Process.Signal(syscall.SIGTERM)
	m.hear(t, "STOPPING=1", 1)
	<-m.ended
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	if _, err := os.Stat(ring1.Addr().String()); err != nil {
		t.Errorf("the socket of a .socket unit: got %v after the end, want it there: it is systemd's", err)
	}
}

// By the URL of docs/clients.md, ffmpeg reads a stream over RTSP with the options that Home Assistant and Frigate give it, here from a
// server whose socket systemd opened.
func TestClientsPageRTSP(t *testing.T) {
	t.Parallel()
	const url = "rtsp://any:TOKEN@HOST:8554/NAME"
	if n := strings.Count(string(read(t, "../docs/clients.md")), url); n < 5 {
		t.Errorf("docs/clients.md: got %s %d times, want 5 at least", url, n)
	}
	http1, rtsp1 := listenTCP(t), listenTCP(t)
	m := manage(t, 0, []any{"http", http1, "rtsp", rtsp1}, "serve", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", "ring.listen=off",
		"--set", "auth.token=secret", "--stream", "cam1=testsrc:128x64@25")
	m.hear(t, "READY=1", 1)
	path := exttool.Require(t, "ffmpeg", "ffmpeg")
	at := strings.NewReplacer("TOKEN", "secret", "HOST:8554", rtsp1.Addr().String(), "NAME", "cam1").Replace(url)
	for name, options := range map[string]string{"HomeAssistant": "-rtsp_flags prefer_tcp", "Frigate": "-avoid_negative_ts make_zero -fflags +genpts+discardcorrupt -rtsp_transport tcp"} {
		args := "-hide_banner -loglevel error " + options + " -i " + at + " -frames:v 3 -f rawvideo -pix_fmt yuv420p pipe:"
		cmd := exec.CommandContext(t.Context(), path, strings.Fields(args)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if want := 3 * 128 * 64 * 3 / 2; err != nil || len(out) != want {
			t.Errorf("%s: got %d bytes, %v, want %d\n%s", name, len(out), err, want, stderr.Bytes())
		}
	}
}

// What a manager passes and the server cannot take is an error that says what to change.
func TestPassedSocketsAreRefused(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	everywhere, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	for _, tt := range []struct {
		name    string
		sockets []any
		want    string
	}{
		{"name", []any{"web", listenTCP(t)}, `got a socket with the name "web", want [admin grpc http ring rtsp]`},
		{"no_name", []any{"", listenTCP(t)}, `"LISTEN_FD_3"`},
		{"twice", []any{"http", listenTCP(t), "http", listenTCP(t)}, "two sockets with the name http"},
		{"packets", []any{"http", packets}, "nothing can connect to"},
		{"exposed", []any{"http", everywhere.(*net.TCPListener)}, "set auth.token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := manage(t, 0, tt.sockets, "serve", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", "ring.listen=off")
			<-m.ended
			if code := m.cmd.ProcessState.ExitCode(); code == 0 || !strings.Contains(m.stderr.String(), tt.want) {
				t.Errorf("got exit code %d and %q, want an error with %q", code, m.stderr.String(), tt.want)
			}
		})
	}
}

// systemd itself says that the service can do little harm.
func TestServiceIsHardened(t *testing.T) {
	t.Parallel()
	analyze := exttool.Require(t, "systemd-analyze", "systemd")
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", shippedUnit).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	overall := regexp.MustCompile(`Overall exposure level.*: (\d+\.\d+)`).FindSubmatch(out)
	if overall == nil {
		t.Fatalf("systemd-analyze: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(string(overall[1]), 64); err != nil || level >= 2.5 {
		t.Errorf("got exposure %s, want below 2.5\n%s", overall[1], out)
	}
}

// Each .socket unit has a name that the server knows, and the address that the settings of the packages have.
func TestSocketUnits(t *testing.T) {
	settings := string(read(t, shippedSettings))
	units, err := filepath.Glob("../deploy/systemd/*.socket")
	if err != nil || len(units) < 2 {
		t.Fatalf("got units %v, %v", units, err)
	}
	for _, unit := range units {
		text := string(read(t, unit))
		name := regexp.MustCompile(`(?m)^FileDescriptorName=(.*)$`).FindStringSubmatch(text)
		address := regexp.MustCompile(`(?m)^ListenStream=(.*)$`).FindStringSubmatch(text)
		if name == nil || address == nil || filepath.Base(unit) != "steadyframe-"+name[1]+".socket" {
			t.Errorf("%s: got name %q and address %q", unit, name, address)
			continue
		}
		if want := name[1] + ":\n  listen: " + address[1]; !strings.Contains(settings, want) {
			t.Errorf("%s: the settings of the packages do not have %q", unit, want)
		}
	}
}

// doctor looks at the settings of the packages, and says who has an address.
func TestDoctor(t *testing.T) {
	t.Parallel()
	free := []string{"--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", "ring.listen=off"}
	r := steadyframe(t, nil, append([]string{"doctor", "--config", shippedSettings}, free...)...)
	for _, want := range []string{"kernels: ", "open files", "steadyframe.yaml is valid", "Nothing keeps a server from starting."} {
		if !strings.Contains(string(r.stdout), want) {
			t.Errorf("got\n%s\nwant %q", r.stdout, want)
		}
	}
	if r.code != 0 {
		t.Errorf("got exit code %d, want 0", r.code)
	}

	taken, pid := listenTCP(t), strconv.Itoa(os.Getpid())
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"taken":     {append(free[2:], "--http", taken.Addr().String()), taken.Addr().String() + " is in use by e2e.test (process " + pid + ")"},
		"nowhere":   {append(free[2:], "--http", "unix:/nonexistent/http.sock"), "the folder does not exist"},
		"elsewhere": {append(free[2:], "--http", "192.0.2.1:8080", "--insecure"), "this machine has no such address"},
		"settings":  {append(free, "--set", "workers=-1"), "workers: got -1"},
		"scene":     {append(free, "--set", "scenes.head=/nonexistent"), "scenes.head"},
		"tls":       {append(free, "--set", "tls.cert=/nonexistent", "--set", "tls.key=/nonexistent"), "no such file"},
	} {
		r := steadyframe(t, nil, append([]string{"doctor"}, tt.args...)...)
		if r.code != 1 || !strings.Contains(string(r.stdout), tt.want) || !strings.Contains(string(r.stdout), "STOPS") {
			t.Errorf("%s: got exit code %d and\n%s%s\nwant 1 and %q", name, r.code, r.stdout, r.stderr, tt.want)
		}
	}

	// A server that runs is no fault.
	s := daemon.Serve(t, program, nil)
	r = steadyframe(t, nil, "doctor", "--http", s.HTTP, "--grpc", s.GRPC, "--admin", s.Admin, "--set", "ring.listen=off")
	if n := strings.Count(string(r.stdout), "a server of Steadyframe listens there already"); r.code != 0 || n != 3 {
		t.Errorf("beside its server: got exit code %d and\n%s\nwant 0, and each address told as the server's", r.code, r.stdout)
	}
}

// What a first run stumbles over is said, with what to do.
func TestFirstRunSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"settings": {[]string{"--config", "/nonexistent/steadyframe.yaml"}, "steadyframe check-config --explain > FILE"},
		"folder":   {[]string{"--http", "unix:/nonexistent/http.sock", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, "mkdir -p /nonexistent"},
		"address":  {[]string{"--http", "192.0.2.1:8080", "--insecure", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, "this machine has no such address"},
		"exposed":  {[]string{"--http", "0.0.0.0:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, "--insecure"},
	} {
		if r := steadyframe(t, nil, append([]string{"serve"}, tt.args...)...); r.code == 0 || !strings.Contains(string(r.stderr), tt.want) {
			t.Errorf("%s: got exit code %d and %q, want %q", name, r.code, r.stderr, tt.want)
		}
	}
}

// serve says who has its address.
func TestServeSaysWhoHasItsAddress(t *testing.T) {
	t.Parallel()
	taken := listenTCP(t)
	r := steadyframe(t, nil, "serve", "--http", taken.Addr().String(), "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	if want := "e2e.test (process " + strconv.Itoa(os.Getpid()) + ") has it."; r.code != 1 || !strings.Contains(string(r.stderr), want) {
		t.Errorf("got exit code %d and %q, want 1 and %q", r.code, r.stderr, want)
	}
}
