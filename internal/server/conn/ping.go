package conn

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// A machine that is down, or a line that is cut, ends no connection: only a ping that nobody responds to shows it.
const (
	// pingServer is how long a server hears nothing of another one that it has calls on before it pings that.
	pingServer = 10 * time.Second
	// serverResponds is how long the other one may take to respond.
	serverResponds = 5 * time.Second
	// pingClient is the same of clients, which may be far away, and whose images stall besides.
	pingClient     = time.Minute
	clientResponds = 10 * time.Second
)

// PingServers is how connections from one server to another are looked after.
func PingServers() grpc.DialOption {
	return grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingServer, Timeout: serverResponds})
}

// PingClients is how connections of clients are looked after, which end after idle without a call, and take no more calls after age; 0: they always do.
func PingClients(idle, age time.Duration) grpc.ServerOption {
	return grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idle, MaxConnectionAge: age, Time: pingClient, Timeout: clientResponds})
}

// PingsAllowed is how often clients may ping: as often as other servers do.
func PingsAllowed() grpc.ServerOption {
	return grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingServer, PermitWithoutStream: true})
}
