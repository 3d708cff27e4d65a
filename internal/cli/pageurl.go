package cli

import (
	"net"
	"strings"
)

// PageURL returns the address of the page, for a browser on this machine, of a server whose HTTP listens at addr. It is empty
// where no browser reaches it: HTTP is off, or on a Unix socket. secure says that it uses TLS.
func PageURL(addr string, secure bool) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || strings.HasPrefix(addr, "unix:") {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // on all addresses, this one among them
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}
