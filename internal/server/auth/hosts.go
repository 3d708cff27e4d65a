package auth

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Hosts decides under which names the HTTP listeners may be reached: by address, as localhost, by the names of the machine, and
// by those of http.hosts. Any other name may belong to a web page whose author lets it point to this machine once the page
// is loaded (DNS rebinding): to the browser the page and the server are then one origin. Its methods may be called from any
// goroutine.
type Hosts struct {
	names []string // in lower case
	all   bool
}

// NewHosts returns the Hosts of that setting, of the machine, and of a listener's own address.
func NewHosts(listed config.Hosts, listen string) *Hosts {
	h := &Hosts{names: []string{"localhost"}, all: slices.Contains(listed, "*")}
	h.names = append(h.names, listed...)
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		h.names = append(h.names, strings.ToLower(host))
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		name = strings.ToLower(name)
		short, _, _ := strings.Cut(name, ".")
		h.names = append(h.names, name, short, short+".local") // the last is multicast DNS's (RFC 6762)
	}
	return h
}

// Check returns a *fault.Error of kind Misdirected for a request to a name that is not this server's. Browsers cannot reach a
// Unix socket, where any name is right. It allocates nothing for requests that it allows.
func (h *Hosts) Check(r *http.Request) error {
	if h.allows(r.Host) {
		return nil
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return nil
	}
	return fault.Errorf(fault.Misdirected, "the request is for the host %.100q, which is no name of this server: want its address, localhost, the machine's name, or one of the setting http.hosts", r.Host)
}

// allows reports whether host, which may have a port, is one of this server. No browser sends an empty one.
func (h *Hosts) allows(host string) bool {
	if h.all || host == "" {
		return true
	}
	name := host
	if end := strings.LastIndexByte(host, ':'); end >= 0 && strings.Trim(host[end+1:], "0123456789") == "" && !strings.HasSuffix(host[:end], ":") {
		name = host[:end]
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	plain := strings.TrimSuffix(name, ".")
	if len(plain) > len(".localhost") && strings.EqualFold(plain[len(plain)-len(".localhost"):], ".localhost") {
		return true // Resolvers must not look these up elsewhere (RFC 6761, section 6.3).
	}
	for _, own := range h.names {
		if strings.EqualFold(own, plain) {
			return true
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	_, err := netip.ParseAddr(host) // of version 6, without brackets
	return err == nil
}
