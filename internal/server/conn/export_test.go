package conn

import (
	"crypto/tls"
	"net"
)

// AheadSize is what is read ahead at a time.
const AheadSize = aheadSize

// Limit returns a Listener over l; secure is nil for one of plain connections.
func Limit(l net.Listener, connections int, secure *tls.Config) *Listener {
	return &Listener{Listener: l, options: Options{MaxConnections: connections, TLS: secure}}
}
