package auth_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestHosts(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(machine, ".")
	tests := []struct {
		host string
		want bool
	}{
		{"127.0.0.1:8080", true}, {"127.0.0.1", true}, {"10.1.2.3:80", true}, {"[::1]:8080", true}, {"[::1]", true}, {"::1", true},
		{"[fe80::1%25eth0]:8080", true}, {"[fe80::1%eth0]", true},
		{"localhost:8080", true}, {"LocalHost", true}, {"localhost.:8080", true}, {"cam.localhost:8080", true},
		{machine, true}, {strings.ToUpper(machine) + ":8080", true}, {short + ".local:8080", true},
		{"frames.example", true}, {"FRAMES.example:443", true}, {"frames.example.", true}, {"listener.test:9", true},
		{"", true}, // HTTP/1.0
		{"evil.example", false}, {"evil.example:8080", false}, {"127.0.0.1.evil.example", false}, {"localhost.evil.example", false},
		{"notlocalhost", false}, {".localhost", false}, {"frames.example.evil", false}, {"a.frames.example", false},
		{"[evil.example]", false}, {"evil.example:80:80", false}, {"::1.evil.example", false}, {"127.0.0.1@evil.example", false},
		{"evil.example%00127.0.0.1", false}, {":8080", false}, {"*", false}, {"127.1", false}, {"2130706433", false},
	}
	h := auth.NewHosts(config.Hosts{"frames.example"}, "listener.test:8080")
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/v1/streams", nil)
		r.Host = tt.host
		err := h.Check(r)
		if got := err == nil; got != tt.want {
			t.Errorf("%q: got %v, want allowed: %v", tt.host, err, tt.want)
		}
		if f := fault.From(err); f != nil && (f.Kind != fault.Misdirected || !strings.Contains(f.Error(), "http.hosts")) {
			t.Errorf("%q: got %s, %v, want misdirected, and the setting's name", tt.host, f.Kind, f)
		}
		if err := auth.NewHosts(config.Hosts{"*"}, "").Check(r); err != nil {
			t.Errorf("%q with *: got %v", tt.host, err)
		}
		for network, want := range map[string]bool{"unix": true, "tcp": tt.want} {
			var local net.Addr = &net.UnixAddr{Name: "/s", Net: "unix"}
			if network == "tcp" {
				local = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
			}
			over := r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
			if got := h.Check(over) == nil; got != want {
				t.Errorf("%q over %s: got allowed: %v, want %v", tt.host, network, got, want)
			}
		}
	}
}

func TestHostsAllocateNothing(t *testing.T) {
	h := auth.NewHosts(config.Hosts{"frames.example"}, "127.0.0.1:8080")
	for _, host := range []string{"127.0.0.1:8080", "[::1]:8080", "localhost:8080", "frames.example"} {
		r := httptest.NewRequest("GET", "/v1/streams", nil)
		r.Host = host
		alloctest.Zero(t, 100, func() {
			if err := h.Check(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzHosts holds that a name is served only if it is an address, one of localhost's, or one of those that are known: whatever a
// browser was made to send, it names no other server.
func FuzzHosts(f *testing.F) {
	for _, host := range []string{"127.0.0.1:8080", "[::1]:80", "localhost.", "frames.example", "evil.example:80", "127.0.0.1.evil.example", "[frames.example]:1", "::1", "::0:", "a.localhost"} {
		f.Add(host)
	}
	machine, err := os.Hostname()
	if err != nil {
		f.Fatal(err)
	}
	machine = strings.ToLower(machine)
	short, _, _ := strings.Cut(machine, ".")
	known := []string{"", "frames.example", "localhost", machine, short, short + ".local"}
	h := auth.NewHosts(config.Hosts{"frames.example"}, "127.0.0.1:8080")
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if h.Check(r) != nil {
			return
		}
		names := []string{host}
		if end := strings.LastIndexByte(host, ':'); end >= 0 && strings.Trim(host[end+1:], "0123456789") == "" {
			names = append(names, host[:end])
		}
		for _, name := range names {
			name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
			if _, err := netip.ParseAddr(name); err == nil {
				return
			}
			name = strings.TrimSuffix(strings.ToLower(name), ".")
			if slices.Contains(known, name) || strings.HasSuffix(name, ".localhost") {
				return
			}
		}
		t.Errorf("%q is served, which is none of %q", host, names)
	})
}
