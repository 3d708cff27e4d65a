package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
)

var caddy = flag.String("caddy", "", "the program caddy, for TestCaddyFile: see scripts/check-caddy")

// nginx takes the file in deploy, and all that the server has goes through it.
func TestNginxFile(t *testing.T) {
	t.Parallel()
	nginx := exttool.Require(t, "nginx", "nginx-light")
	p := newProxied(t)
	file := p.file(t, "../deploy/nginx/steadyframe.conf", "listen 443 ssl", "listen "+p.address+" ssl",
		"/etc/ssl/certs/frames.example.pem", p.at("pem"), "/etc/ssl/private/frames.example.key", p.at("key"))
	write(t, p.at("steadyframe.conf"), []byte(file))
	write(t, p.at("nginx.conf"), []byte(strings.ReplaceAll(`daemon off; master_process off; pid DIR/pid; error_log stderr; events {}
		http { client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
		include DIR/steadyframe.conf; }`, "DIR", p.dir)))
	out, err := exec.CommandContext(t.Context(), nginx, "-t", "-p", p.dir, "-c", p.at("nginx.conf")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "[warn]") {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	runProxy(t, exec.Command(nginx, "-p", p.dir, "-c", p.at("nginx.conf")), "tcp", p.address)
	p.check(t)
}

// Caddy takes the file in deploy, and all that the server has goes through it. No package of Debian's has a Caddy of today:
// scripts/check-caddy builds one and calls this.
func TestCaddyFile(t *testing.T) {
	if *caddy == "" {
		t.Skip("no program given by -caddy: see scripts/check-caddy")
	}
	p := newProxied(t)
	caddyCommand := func(args ...string) *exec.Cmd {
		cmd := exec.Command(*caddy, args...)
		cmd.Env = append(os.Environ(), "HOME="+p.dir, "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir)
		return cmd
	}
	for _, args := range [][]string{{"validate"}, {"fmt", "--diff"}} {
		args = append(args, "--config", "../deploy/caddy/Caddyfile")
		if args[0] == "fmt" {
			args[2], args = args[3], args[:3]
		}
		if out, err := caddyCommand(args...).CombinedOutput(); err != nil {
			t.Errorf("caddy %v: %v\n%s", args, err, out)
		}
	}
	_, port, _ := net.SplitHostPort(p.address)
	file := p.file(t, "../deploy/caddy/Caddyfile", "frames.example {", fmt.Sprintf("frames.example:%s {\n\ttls %s %s", port, p.at("pem"), p.at("key")))
	write(t, p.at("Caddyfile"), []byte("{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"+file))
	runProxy(t, caddyCommand("run", "--config", p.at("Caddyfile"), "--adapter", "caddyfile"), "tcp", p.address)
	p.check(t)
}

// proxied is a server that shows cam1, and what a proxy before it needs.
type proxied struct {
	*served
	dir     string
	address string // where the proxy shall listen
}

// newProxied starts a server, and makes a key and a certificate for frames.example.
func newProxied(t *testing.T) *proxied {
	t.Helper()
	p := &proxied{served: serve(t, "--set", "http.hosts=frames.example"), dir: t.TempDir()}
	p.feed(t, "cam1", 25, indexed(t, 1000, 0))
	openssl := exttool.Require(t, "openssl", "openssl")
	if out, err := exec.CommandContext(t.Context(), openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
		"-subj", "/CN=frames.example", "-addext", "subjectAltName=DNS:frames.example", "-keyout", p.at("key"), "-out", p.at("pem")).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	p.address = daemon.FreeAddress(t)
	return p
}

// at is the path of a file in p.dir.
func (p *proxied) at(name string) string { return filepath.Join(p.dir, name) }

// file returns a file of deploy with the server's addresses, and with further texts replaced by others. Each must be there.
func (p *proxied) file(t *testing.T, path string, replaced ...string) string {
	t.Helper()
	text := string(read(t, path))
	replaced = append(replaced, "127.0.0.1:8080", p.HTTP, "127.0.0.1:50051", p.GRPC)
	for i := 0; i < len(replaced); i += 2 {
		if !strings.Contains(text, replaced[i]) {
			t.Fatalf("%s has no %q", path, replaced[i])
		}
		text = strings.ReplaceAll(text, replaced[i], replaced[i+1])
	}
	return text
}

// check uses the server through the proxy as its users do.
func (p *proxied) check(t *testing.T) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(read(t, p.at("pem")))
	config := &tls.Config{RootCAs: roots, ServerName: "frames.example"}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", p.address)
	}
	transport := &http.Transport{DialContext: dial, TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	_, port, _ := net.SplitHostPort(p.address)
	origin := "https://frames.example:" + port

	watchThrough(t, c, origin, time.Minute) // It is live; how late it is, depends on the machine.
	t.Run("snapshot", func(t *testing.T) {
		response, err := c.Get(origin + "/snapshot/cam1.jpg")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("got %s, %v: %s", response.Status, err, data)
		}
		indexOfJPEG(t, data)
	})
	t.Run("publish", func(t *testing.T) { // The frames of a body that has not ended are there.
		body, w := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/v1/streams/through", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "video/x-motion-jpeg")
		ended := make(chan error, 1)
		go func() {
			response, err := c.Do(request)
			if err == nil {
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					err = fmt.Errorf("got %s", response.Status)
				}
			}
			ended <- err
		}()
		for _, image := range indexed(t, 3, 0) {
			if _, err := w.Write(image); err != nil {
				t.Fatal(err)
			}
		}
		daemon.WaitFor(t, "frames of the body", func() bool { return p.Stream(t, "through").Arrived >= 2 })
		w.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("grpc", func(t *testing.T) {
		c, err := client.Dial("passthrough:///frames.example", &client.Options{Dial: []grpc.DialOption{
			grpc.WithTransportCredentials(credentials.NewTLS(config.Clone())),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx, "", "") }),
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, Output: pipeline.Output{Quality: 75}}
		pixels := make([]byte, 640*360*3)
		stream, err := c.EncodeStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var response client.Response
		for range 5 { // one after the other: each response comes while the stream goes on
			if err := stream.Send(&client.Batch{Spec: spec, Frames: [][]byte{pixels, pixels}}); err != nil {
				t.Fatal(err)
			}
			if err := stream.Recv(&response); err != nil {
				t.Fatal(err)
			}
			if len(response.Images) != 2 || response.Images[1].Err != nil {
				t.Errorf("got %d images", len(response.Images))
			}
		}
	})
}
