package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// nginxWith runs nginx with files of deploy inside its http { }, on a socket, and returns a client of it.
func nginxWith(t *testing.T, inside string) *http.Client {
	t.Helper()
	path := exttool.Require(t, "nginx", "nginx-light")
	dir, err := os.MkdirTemp("", "nginx") // t.TempDir's may be too long for a socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config, socket := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "socket")
	write(t, config, []byte(strings.ReplaceAll(`daemon off; master_process off; pid DIR/pid; error_log stderr; events {}
		http { access_log off; client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
		`+inside+" }", "DIR", dir)))
	out, err := exec.CommandContext(t.Context(), path, "-t", "-p", dir, "-c", config).CombinedOutput()
	if err != nil || strings.Contains(string(out), "[warn]") {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	runProxy(t, exec.Command(path, "-p", dir, "-c", config), "unix", socket)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get returns the body of a response that must be of that status.
func get(t *testing.T, c *http.Client, url string, status int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html, */*")
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s: got %s, %v: %.300s", url, response.Status, err, body)
	}
	return string(body)
}

// Below a path of another site, by the file in deploy, the page finds all that is its own, and images come live.
func TestNginxPath(t *testing.T) {
	t.Parallel()
	s := serve(t, "--set", "http.hosts=frames.example")
	s.feed(t, "cam1", 25, indexed(t, 1000, 0))
	locations := strings.ReplaceAll(string(read(t, "../deploy/nginx/path.conf")), "127.0.0.1:8080", s.HTTP)
	c := nginxWith(t, "server { listen unix:DIR/socket; location / { return 404; } "+locations+" }")

	const page = "http://frames.example/frames/"
	html := get(t, c, page, http.StatusOK)
	links := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(html, -1)
	if len(links) < 3 {
		t.Fatalf("got %d links in the page, want its scripts and styles", len(links))
	}
	for _, link := range links {
		if strings.Contains(link[1], ":") {
			continue
		}
		if strings.HasPrefix(link[1], "/") {
			t.Errorf("the page has the link %s, which a path in front breaks", link[1])
			continue
		}
		get(t, c, page+link[1], http.StatusOK)
	}
	indexOfJPEG(t, []byte(get(t, c, page+"snapshot/cam1.jpg", http.StatusOK)))
	watchBelow(t, c, "http://frames.example", "/frames", 1<<40)
}

// Several servers behind the file in deploy: whoever publishes and views a name meets at one of them, names are on all of
// them, and one that is gone is left out.
func TestNginxBalancer(t *testing.T) {
	t.Parallel()
	settings := []string{"--set", "http.hosts=frames.example", "--set", "live.offline_after=1h"} // Each stream has one image.
	a, b := serve(t, settings...), serve(t, settings...)
	file := string(read(t, "../deploy/nginx/balancer.conf"))
	for _, replaced := range []string{"127.0.0.1:8080", "127.0.0.2:8080", "listen 80;"} {
		if !strings.Contains(file, replaced) {
			t.Fatalf("balancer.conf has no %q", replaced)
		}
	}
	c := nginxWith(t, strings.NewReplacer("127.0.0.1:8080", a.HTTP, "127.0.0.2:8080", b.HTTP, "listen 80;", "listen unix:DIR/socket;").Replace(file))

	const origin, names = "http://frames.example", 24
	publish := func(i int) (end func()) {
		body, w := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/v1/streams/cam%d", origin, i), body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "video/x-motion-jpeg")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if response, err := c.Do(request); err == nil {
				response.Body.Close()
			}
		}()
		if _, err := w.Write(indexed(t, 1, 0)[0]); err != nil {
			t.Fatal(err)
		}
		return func() { w.Close(); <-ended }
	}
	found := func(s *served) int {
		return strings.Count(get(t, http.DefaultClient, "http://"+s.HTTP+"/v1/streams", http.StatusOK), `"name"`)
	}
	for i := range names {
		defer publish(i)()
	}
	daemon.WaitFor(t, "the streams", func() bool { return found(a)+found(b) == names })
	if found(a) == 0 || found(b) == 0 {
		t.Errorf("got %d and %d streams, want some on each server", found(a), found(b))
	}
	for i := range names {
		indexOfJPEG(t, []byte(get(t, c, fmt.Sprintf("%s/snapshot/cam%d.jpg", origin, i), http.StatusOK)))
		indexOfJPEG(t, []byte(get(t, c, fmt.Sprintf("%s/?action=snapshot&stream=cam%d", origin, i), http.StatusOK)))
	}

	b.Kill()
	for i := range 6 { // No request fails: nginx asks the other one.
		get(t, c, fmt.Sprintf("%s/v1/streams/none-%d-%s", origin, i, rand.Text()), http.StatusNotFound)
	}
}

// The table of sizes is what the formula gives for the figures of README.md.
func TestSizingTable(t *testing.T) {
	readme := string(read(t, "../README.md"))
	rate := func(row string) (framesPerSecond float64) { // of the Xeon: the sixth column
		t.Helper()
		for line := range strings.Lines(readme) {
			if columns := strings.Split(line, "|"); len(columns) > 7 && strings.TrimSpace(columns[1]) == row {
				if _, err := fmt.Sscan(strings.ReplaceAll(columns[6], ",", ""), &framesPerSecond); err != nil {
					t.Fatal(err)
				}
				return framesPerSecond
			}
		}
		t.Fatalf("README.md has no row %q", row)
		return 0
	}
	rows := 0
	for line := range strings.Lines(string(read(t, "../docs/deploy.md"))) {
		var streams, w, h, ow, oh, fps int
		var sockets, ring string
		line = strings.ReplaceAll(strings.Trim(line, "|\n "), "|", " ")
		if n, _ := fmt.Sscanf(line, "%d %dx%d %dx%d %d %s %s", &streams, &w, &h, &ow, &oh, &fps, &sockets, &ring); n != 8 {
			continue
		}
		rows++
		row := fmt.Sprintf("%dx%d", w, h)
		if w != ow {
			row += fmt.Sprintf(" to %dx%d", ow, oh)
		}
		encode := 1 / rate(row)
		carry := 0.2e-3 * float64(w*h*3) / 691200
		each := float64(streams*fps) / 0.7
		if got, want := sockets+" "+ring, fmt.Sprintf("%.2f %.2f", each*(encode+carry), each*encode); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
	if rows < 4 {
		t.Errorf("got %d rows of the table, want 4 at least", rows)
	}
}
