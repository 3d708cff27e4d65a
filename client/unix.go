package client

import (
	"context"
	"net"
	"strings"
)

const (
	unixScheme = "unix:"
	// unixBuffer is how many bytes a unix socket takes before it makes its writer wait, if the system allows as many
	// (Linux: net.core.wmem_max). It has 208 KiB by itself, a third of a frame of 640x360, which both ends would then wake
	// each other for.
	unixBuffer = 1 << 20
)

// dialUnix connects to the unix socket of a target, unix:path or unix:///path (github.com/grpc/grpc, doc/naming.md).
func dialUnix(ctx context.Context, target string) (net.Conn, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(target, unixScheme), "//")
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if u, ok := conn.(*net.UnixConn); ok {
		_ = u.SetWriteBuffer(unixBuffer) // Without it the connection is slower.
	}
	return conn, nil
}
