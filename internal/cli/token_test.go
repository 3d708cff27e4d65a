package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// TestNewToken: lines are added to a file that then names all of them, whichever way it ended; one that is wrong, or has the name, is
// left as it was; the file has no token.
func TestNewToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	scopes := config.Scopes{{Action: config.View, Glob: "*"}}
	var tokens []string
	for i, name := range []string{"a", "b", "c"} {
		token, _, err := NewToken(name, scopes, file)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := auth.ParseTokens(data); n != i+1 || err != nil {
			t.Errorf("got %d tokens, %v, want %d", n, err, i+1)
		}
		if err := os.WriteFile(file, bytes.TrimRight(data, "\n"), 0o600); err != nil { // as some editors leave it
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if bytes.Contains(before, []byte(token)) || len(token) < 40 {
			t.Errorf("got the token %s in the file, or a short one", token)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its user alone", info, err)
	}
	for _, tt := range []struct{ name, want string }{{"a", "got the name a again"}, {"a b", "got the name"}} {
		if _, _, err := NewToken(tt.name, scopes, file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, _, err := NewToken("d", nil, file); err == nil || !strings.Contains(err.Error(), "got no scope") {
		t.Errorf("without scopes: got %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("refusals changed the file: %v", err)
	}
}

// TestLink: what is printed is URLs with a link that a server with the key takes, for so long.
func TestLink(t *testing.T) {
	dir, key := t.TempDir(), auth.NewLinkKey()
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 30, 12, 0, 0, 5, time.UTC)
	var out bytes.Buffer
	l := Link{Stream: "cam*", For: time.Hour, Keys: keys, URL: "https://frames.example/base/"}
	until, err := l.Print(&out, now)
	if err != nil || !until.Equal(time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC)) {
		t.Fatalf("got %v, %v", until, err)
	}
	lines := strings.Fields(out.String())
	for i, want := range []string{"https://frames.example/base/stream/NAME.mjpg?link=", "https://frames.example/base/snapshot/NAME.jpg?link=", "https://frames.example/base/sound/NAME.wav?link=", "wss://frames.example/base/ws?link=", "https://frames.example/base/?link="} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want+"view%3Acam%2A~1796043600~") {
			t.Errorf("got %q, want a line that begins with %s", lines, want)
		}
	}
	l.Stream, l.URL = "cars", ""
	out.Reset()
	if _, err := l.Print(&out, now); err != nil || !strings.HasPrefix(out.String(), "link=view%3Acars~1796043600~") {
		t.Errorf("without a URL: got %q, %v", out.String(), err)
	}
	for _, tt := range []struct {
		change func(*Link)
		want   string
	}{
		{func(l *Link) { l.For = 0 }, "--for"}, {func(l *Link) { l.For = 1 << 62 }, "--for"}, {func(l *Link) { l.Keys = "" }, "auth.link_keys"},
		{func(l *Link) { l.Keys = dir }, "file of keys"}, {func(l *Link) { l.URL = "frames.example" }, "--url"}, {func(l *Link) { l.Stream = "../x" }, "got \"../x\""},
	} {
		wrong := l
		tt.change(&wrong)
		out.Reset()
		if _, err := wrong.Print(&out, now); err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 || strings.Contains(err.Error(), key) {
			t.Errorf("got %v and %q, want an error that names %s", err, out.String(), tt.want)
		}
	}
}
