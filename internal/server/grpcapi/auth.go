package grpcapi

import (
	"strings"

	"google.golang.org/grpc"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// authorize returns an interceptor that lets calls through that c allows, and those of health, which reveal nothing, always.
func authorize(c *auth.Checker) grpc.StreamServerInterceptor {
	health := "/" + healthgrpc.Health_ServiceDesc.ServiceName + "/"
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if !strings.HasPrefix(info.FullMethod, health) {
			if err := c.GRPC(stream.Context()); err != nil {
				return toStatus(fault.From(err)).Err()
			}
		}
		if c := conn.Of(connectionOf(stream.Context()).Conn); c != nil { // A listener that is full evicts connections without calls.
			c.Begin()
			defer c.End()
		}
		return handler(srv, stream)
	}
}
