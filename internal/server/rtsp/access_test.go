package rtsp

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// A token sees the streams of its scopes and hears of no others; a link plays its streams until it expires.
func TestScopesAndLinks(t *testing.T) {
	dir := t.TempDir()
	key := auth.NewLinkKey()
	for name, content := range map[string]string{
		"tokens": fmt.Sprintf("door sha256:%x view:door*\npush sha256:%x publish:*\n", sha256.Sum256([]byte("hunter2")), sha256.Sum256([]byte("pusher"))),
		"keys":   key + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := start(t, func(c *config.Config) {
		c.Auth.TokensFile, c.Auth.LinkKeys = filepath.Join(dir, "tokens"), filepath.Join(dir, "keys")
	})
	for _, name := range []string{"door1", "hall"} {
		f.publish(f.publisher(name), small(t, 1)[0], time.Now())
	}
	token := func(name, token string) string { return name + "?access_token=" + token }
	f.player(token("door1", "hunter2"), tcp).next()
	_, err := f.tryPlayer(token("hall", "hunter2"), tcp)
	wants(t, err, base.StatusForbidden, "lacks the scope view:hall")
	_, err = f.tryPlayer(token("door2", "hunter2"), tcp)
	wants(t, err, base.StatusNotFound, "there are: door1")
	if err == nil || strings.Contains(err.Error(), "hall") {
		t.Errorf("got %v, which names a stream that the token may not see", err)
	}
	_, err = f.tryPlayer(token("door1", "pusher"), tcp)
	wants(t, err, base.StatusForbidden, "lacks the scope view:door1")

	keys, err := auth.ParseLinkKeys([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	linked := func(name, glob string, until time.Time) string {
		link, err := keys.Sign(glob, until)
		if err != nil {
			t.Fatal(err)
		}
		return name + "?" + url.Values{auth.LinkParameter: {link}}.Encode()
	}
	f.player(linked("hall", "ha*", time.Now().Add(time.Hour)), udp).next()
	_, err = f.tryPlayer(linked("door1", "hall", time.Now().Add(time.Hour)), tcp)
	wants(t, err, base.StatusForbidden, "view:door1")
	_, err = f.tryPlayer(linked("hall", "hall", time.Now().Add(-time.Minute)), tcp)
	wants(t, err, base.StatusUnauthorized, "is over")
	_, err = f.tryPlayer(linked("hall", "hall", time.Now().Add(time.Hour))+"x", tcp)
	wants(t, err, base.StatusUnauthorized, "link")

	ffmpeg := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-fpsprobesize", "0", "-rtsp_transport", "tcp",
		"-i", f.url(linked("hall", "hall", time.Now().Add(time.Hour))), "-frames:v", "1", "-f", "null", "-")
	if said, err := ffmpeg.CombinedOutput(); err != nil {
		t.Errorf("ffmpeg with a link: %v\n%s", err, said)
	}
	short := (*player)(nil)
	for life := 500 * time.Millisecond; short == nil; life *= 2 { // On a busy machine it may expire before it plays.
		short, _ = f.tryPlayer(linked("hall", "hall", time.Now().Add(life)), tcp)
	}
	if err := short.Wait(); err == nil {
		t.Error("a link that expired: the session has not ended")
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(f.log.String(), "kind=unauthorized") })
	for _, secret := range []string{"hunter2", "pusher", key} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("the log has the secret %s", secret)
		}
	}
}
