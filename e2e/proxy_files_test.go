package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// nginx takes the file in deploy, with a certificate of this test's.
func TestNginxFile(t *testing.T) {
	t.Parallel()
	nginx := exttool.Require(t, "nginx", "nginx-light")
	openssl := exttool.Require(t, "openssl", "openssl")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if out, err := exec.CommandContext(t.Context(), openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
		"-subj", "/CN=frames.example", "-keyout", at("key"), "-out", at("pem")).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	file := strings.NewReplacer("/etc/ssl/certs/frames.example.pem", at("pem"), "/etc/ssl/private/frames.example.key", at("key")).
		Replace(string(read(t, "../deploy/nginx/steadyframe.conf")))
	write(t, at("steadyframe.conf"), []byte(file))
	write(t, at("nginx.conf"), []byte(strings.ReplaceAll(`pid DIR/pid; error_log stderr; events {}
		http { client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
		include DIR/steadyframe.conf; }`, "DIR", dir)))
	out, err := exec.CommandContext(t.Context(), nginx, "-t", "-p", dir, "-c", at("nginx.conf")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "[warn]") {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}
