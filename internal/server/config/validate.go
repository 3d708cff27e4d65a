package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/redact"
)

// Off as a Listener's Listen disables that listener.
const Off = "off"

// Auto as the ring's Listen stands for ring.DefaultPath of internal/ring.
const Auto = "auto"

// Any as rtsp.udp stands for any free port.
const Any = "any"

// Validate returns nil when a server can run with c, else a *ValueError about the first wrong setting.
func (c Config) Validate() error {
	for _, check := range []func(Config) *ValueError{checkListeners, checkExposure, checkCluster, checkClusterExposure, checkLimits, checkTimes, checkStreams, checkScenes, checkAuth, checkRest} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func wrong(key, format string, args ...any) *ValueError {
	return &ValueError{Key: key, Reason: fmt.Sprintf(format, args...)}
}

func checkListeners(c Config) *ValueError {
	for _, l := range []struct{ key, listen string }{
		{"http.listen", c.HTTP.Listen}, {"grpc.listen", c.GRPC.Listen}, {"admin.listen", c.Admin.Listen},
	} {
		if l.listen == Off {
			continue
		}
		if path, ok := strings.CutPrefix(l.listen, "unix:"); ok {
			if path == "" {
				return wrong(l.key, "got %q, want a path after unix:", l.listen)
			}
			continue
		}
		_, port, err := net.SplitHostPort(l.listen)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return wrong(l.key, "got %q, want host:port, unix:/path or off", l.listen)
		}
	}
	if path, ok := strings.CutPrefix(c.Ring.Listen, "unix:"); c.Ring.Listen != Auto && c.Ring.Listen != Off && (!ok || path == "") {
		return wrong("ring.listen", "got %q, want auto, unix:/path or off", c.Ring.Listen)
	}
	if err := checkRTSP(c.RTSP); err != nil {
		return err
	}
	if c.HTTP.Listen == Off && c.GRPC.Listen == Off {
		return wrong("http.listen", "got off, as grpc.listen is too: want one of them on")
	}
	return nil
}

func checkRTSP(c RTSP) *ValueError {
	if c.Listen != Off {
		_, port, err := net.SplitHostPort(c.Listen)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return wrong("rtsp.listen", "got %q, want host:port or off", c.Listen)
		}
	}
	if c.UDP == Any || c.UDP == Off {
		return nil
	}
	if port, err := strconv.ParseUint(c.UDP, 10, 16); err != nil || port == 0 || port%2 != 0 {
		return wrong("rtsp.udp", "got %q, want any, off or an even port, 2 to 65534", c.UDP)
	}
	return nil
}

// checkExposure refuses listeners that other machines reach while everybody may use the server.
func checkExposure(c Config) *ValueError {
	if c.Auth.Insecure || c.AuthRequired() {
		return nil
	}
	for _, l := range []struct{ key, listen string }{
		{"http.listen", c.HTTP.Listen}, {"grpc.listen", c.GRPC.Listen}, {"rtsp.listen", c.RTSP.Listen}, {"admin.listen", c.Admin.Listen},
	} {
		if Exposed(l.listen) {
			return wrong(l.key, "got %s, where other machines reach it, and nobody needs a token: set auth.token (STEADYFRAME_AUTH_TOKEN), auth.tokens_file or tls.client_ca, "+
				"or listen on 127.0.0.1; if all of the network may use it, set auth.insecure (--insecure)", l.listen)
		}
	}
	return nil
}

// Exposed reports whether other machines may reach a listener at that address. A name other than localhost may be of any.
func Exposed(listen string) bool {
	if listen == Off || strings.HasPrefix(listen, "unix:") {
		return false
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false // checkListeners says so.
	}
	ip, err := netip.ParseAddr(host)
	return !strings.EqualFold(host, "localhost") && (err != nil || !ip.Unmap().IsLoopback())
}

// most bounds every count, so that sums and products of settings cannot overflow.
const most = 1 << 30

func checkLimits(c Config) *ValueError {
	l := c.Limits
	for _, f := range fields(&c) {
		if least, largest, ok := f.bounds(); ok && (f.value.Int() < int64(least) || f.value.Int() > int64(largest)) {
			return wrong(f.key, "got %d, want %d..%d", f.value.Int(), least, largest)
		}
	}
	switch {
	case l.MaxMessageBytes < 64*KiB || l.MaxMessageBytes > 2*GiB-1: // what gRPC can carry everywhere
		return wrong("limits.max_message_bytes", "got %s, want 64KiB to 2GiB-1", l.MaxMessageBytes)
	case l.MemoryBudget < MiB || l.MemoryBudget > 1<<50:
		return wrong("limits.memory_budget", "got %s, want 1MiB or more", l.MemoryBudget)
	case l.MemoryFloor < 0 || l.MemoryFloor > l.MemoryBudget:
		return wrong("limits.memory_floor", "got %s, want at most limits.memory_budget, %s", l.MemoryFloor, l.MemoryBudget)
	case l.PipelineMemory < 0 || l.PipelineMemory > l.MemoryBudget/2:
		return wrong("limits.pipeline_memory", "got %s, want at most half of limits.memory_budget, %s", l.PipelineMemory, l.MemoryBudget/2)
	}
	if l.SceneMemory < 0 || l.SceneMemory > l.MemoryBudget {
		return wrong("limits.scene_memory", "got %s, want at most limits.memory_budget, %s", l.SceneMemory, l.MemoryBudget)
	}
	for _, n := range []struct {
		key string
		got Size
	}{
		{"live.pinned_memory", c.Live.PinnedMemory}, {"live.pinned_per_stream", c.Live.PinnedPerStream}, {"live.pinned_per_viewer", c.Live.PinnedPerViewer},
	} {
		if n.got < 0 || n.got > l.MemoryBudget/2 {
			return wrong(n.key, "got %s, want at most half of limits.memory_budget, %s", n.got, l.MemoryBudget/2)
		}
	}
	return nil
}

// leastDuration is the shortest time of any setting.
const leastDuration = Duration(time.Millisecond)

func checkTimes(c Config) *ValueError {
	for _, d := range []struct {
		key string
		got Duration
	}{
		{"timeouts.receive", c.Timeout.Receive}, {"timeouts.send", c.Timeout.Send}, {"timeouts.queue", c.Timeout.Queue},
		{"timeouts.idle", c.Timeout.Idle}, {"drain_timeout", c.DrainTimeout}, {"limits.pipeline_idle", c.Limits.PipelineIdle},
		{"limits.memory_floor_half_life", c.Limits.FloorHalfLife},
		{"live.offline_after", c.Live.OfflineAfter}, {"live.keep", c.Live.Keep}, {"live.stall", c.Live.Stall},
	} {
		if d.got < leastDuration || d.got > Duration(24*time.Hour) {
			return wrong(d.key, "got %s, want 1ms to 24h", d.got)
		}
	}
	if age := c.GRPC.MaxConnectionAge; age != 0 && (age < Duration(time.Second) || age > Duration(24*time.Hour)) {
		return wrong("grpc.max_connection_age", "got %s, want 0 or 1s to 24h", age)
	}
	return nil
}

// checkAuth checks what says who clients are.
func checkAuth(c Config) *ValueError {
	if c.Auth.Token == tokenSet {
		return wrong("auth.token", "got %s, which only stands for a token where settings are shown: want the token", tokenSet)
	}
	if strings.ContainsFunc(c.Auth.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("auth.token", "got a token with a space or a character outside ASCII, want none")
	}
	if c.Auth.LinkKeys != "" && !c.AuthRequired() {
		return wrong("auth.link_keys", "got %s, while everybody may watch without a link: want auth.tokens_file or auth.token, too", c.Auth.LinkKeys)
	}
	j := c.Auth.JWT
	if j.JWKS == "" {
		return nil
	}
	if scheme, _, isURL := strings.Cut(j.JWKS, "://"); isURL && scheme != "https" {
		return wrong("auth.jwt.jwks", "got %s, want a file or an https URL", redact.URL(j.JWKS))
	}
	for _, needed := range []struct{ key, got, what string }{
		{"auth.jwt.issuer", j.Issuer, "the issuer of the tokens"},
		{"auth.jwt.audience", j.Audience, "the audience of the tokens: without it those for other servers would do"},
		{"auth.jwt.claim", j.Claim, "the claim with scopes, such as scope"},
	} {
		if needed.got == "" {
			return wrong(needed.key, "got none with auth.jwt.jwks, want %s", needed.what)
		}
	}
	return nil
}

func checkRest(c Config) *ValueError {
	for _, s := range []struct {
		key, got string
		known    []string
	}{
		{"log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}},
		{"log.format", c.Log.Format, []string{"text", "json"}},
	} {
		if !slices.Contains(s.known, s.got) {
			return wrong(s.key, "got %q, want one of %s", s.got, strings.Join(s.known, ", "))
		}
	}
	switch {
	case c.TLS.Cert != "" && c.TLS.Key == "":
		return wrong("tls.key", "got none with tls.cert, want the file of its key")
	case c.TLS.Cert == "" && c.TLS.Key != "":
		return wrong("tls.cert", "got none with tls.key, want the file of its certificate")
	case c.TLS.Cert == "" && c.TLS.ClientCA != "":
		return wrong("tls.client_ca", "got %s without tls.cert, want TLS: tls.cert and tls.key", c.TLS.ClientCA)
	}
	return nil
}
