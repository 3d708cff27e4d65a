package config

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/settings.md")

// TestSettingsPage holds docs/settings.md to the settings.
func TestSettingsPage(t *testing.T) {
	const path = "../../../docs/settings.md"
	var want bytes.Buffer
	if err := WritePage(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/settings.md is not what the settings say; run: go test ./internal/server/config -run TestSettingsPage -update")
	}
}

// TestExplained: what is explained is the same settings, each with its description, its variable, and its default where it has
// another value.
func TestExplained(t *testing.T) {
	c, err := Parse("test", []byte("http: {listen: 'off'}\nauth: {token: secret}\nstreams: {door: {source: rtsp://u:pw@camera/1, quality: 90}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var plain, explained bytes.Buffer
	if err := c.WriteYAML(&plain); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteExplained(&explained); err != nil {
		t.Fatal(err)
	}
	var settings []string
	for line := range strings.Lines(explained.String()) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.TrimSpace(line) != "" {
			settings = append(settings, line)
		}
	}
	if got := strings.Join(settings, ""); got != plain.String() {
		t.Errorf("without its comments it is\n%s\nwant\n%s", got, plain.String())
	}
	for _, s := range c.Settings() {
		if s.Doc == "" {
			t.Errorf("%s has no description", s.Key)
		}
		if strings.HasPrefix(s.Key, streamsPrefix) && !strings.HasSuffix(s.Key, ".source") && !strings.HasSuffix(s.Key, ".quality") {
			continue // Of a stream, only what is set is written.
		}
		if !strings.Contains(explained.String(), s.Doc) {
			t.Errorf("%s is not explained: want %q", s.Key, s.Doc)
		}
	}
	for _, want := range []string{"# default: 127.0.0.1:8080\n", "# STEADYFRAME_HTTP_LISTEN\n", "(1..4096)", "STEADYFRAME_STREAMS_DOOR_QUALITY"} {
		if !strings.Contains(explained.String(), want) {
			t.Errorf("%q is missing in\n%s", want, explained.String())
		}
	}
	for _, secret := range []string{"secret", "u:pw"} {
		if strings.Contains(explained.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

// TestBounds: every count has bounds, and Validate refuses what is beyond them.
func TestBounds(t *testing.T) {
	c := Default()
	for _, f := range fields(&c) {
		if _, isInt := f.value.Interface().(int); !isInt {
			continue
		}
		least, largest, ok := f.bounds()
		if !ok {
			t.Errorf("%s: its bounds are %q, want such as 1..64", f.key, f.want)
			continue
		}
		usual := f.value.Int()
		for _, n := range []int{least - 1, largest + 1} {
			f.value.SetInt(int64(n))
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), f.key) {
				t.Errorf("%s: got %v for %d, want an error", f.key, err, n)
			}
		}
		f.value.SetInt(usual)
	}
}
