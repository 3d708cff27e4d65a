package conn

import "net"

// AheadSize is what is read ahead at a time.
const AheadSize = aheadSize

// Limit returns a Listener over l.
func Limit(l net.Listener, connections int) *Listener {
	return &Listener{Listener: l, free: make(chan struct{}, connections)}
}
