package cli

import (
	"strings"
	"testing"
)

func TestPageURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8080":      "http://127.0.0.1:8080/",
		"[::1]:8080":          "http://[::1]:8080/",
		"0.0.0.0:80":          "http://localhost:80/",
		"[::]:80":             "http://localhost:80/",
		":80":                 "http://localhost:80/",
		"":                    "",
		"unix:/run/x.sock":    "",
		"camera.example:8080": "http://camera.example:8080/",
	} {
		if got := PageURL(addr, true); got != strings.Replace(want, "http:", "https:", 1) {
			t.Errorf("%q with TLS: got %q, want the same with https", addr, got)
		}
		if got := PageURL(addr, false); got != want {
			t.Errorf("%q: got %q, want %q", addr, got, want)
		}
	}
}
