package server

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	protocol "github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// listenRing opens the listener of the ring, or returns nil where it is off. Where it is auto and cannot be had, that is
// logged and it is off.
func listenRing(c config.Ring, o conn.Options, log *slog.Logger) (*conn.Listener, error) {
	o.UnixTLS = false // Nobody is in between.
	switch {
	case c.Listen == config.Off:
		return nil, nil
	case !protocol.Supported && c.Listen == config.Auto:
		return nil, nil
	case !protocol.Supported:
		return nil, fmt.Errorf("server: ring.listen: got %s, want off: the ring needs Linux", c.Listen)
	case c.Listen != config.Auto:
		return openRing(c, c.Listen, o)
	}
	if err := protocol.MakeDir(protocol.DefaultDir()); err != nil {
		log.Warn("no ring: set ring.listen to unix:/path or off", "err", err)
		return nil, nil
	}
	l, err := openRing(c, "unix:"+protocol.DefaultPath(), o)
	if err != nil { // Another server of this user has it.
		log.Warn("no ring: set ring.listen to unix:/path or off", "err", err)
		return nil, nil
	}
	return l, nil
}

// openRing listens at address. Other users reach the socket only if some are listed; the server asks the kernel who comes.
func openRing(c config.Ring, address string, o conn.Options) (*conn.Listener, error) {
	l, err := conn.Listen("ring.listen", address, o)
	if err != nil {
		return nil, err
	}
	if o.Passed["ring.listen"] != nil {
		return l, nil // Its .socket unit says who may connect.
	}
	mode := os.FileMode(0o600)
	if len(c.UIDs) > 0 {
		mode = 0o666
	}
	if err := os.Chmod(strings.TrimPrefix(address, "unix:"), mode); err != nil {
		_ = l.Close() // Nothing was accepted from it.
		return nil, fmt.Errorf("server: ring.listen: %w", err)
	}
	return l, nil
}
