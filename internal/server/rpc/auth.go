package rpc

import (
	"context"
	"crypto/subtle"
	"strings"

	"google.golang.org/grpc"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// authorize returns an interceptor that lets calls through that bear token: all of them when there is none, and those
// of health, which tell nothing, always.
func authorize(token string) grpc.StreamServerInterceptor {
	health := "/" + healthgrpc.Health_ServiceDesc.ServiceName + "/"
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if token != "" && !strings.HasPrefix(info.FullMethod, health) && !bears(stream.Context(), token) {
			return toStatus(fault.Errorf(fault.Unauthorized, "the call bears no valid token: want metadata authorization: Bearer TOKEN")).Err()
		}
		return handler(srv, stream)
	}
}

// bears reports whether the call has the token, in a time that tells nothing about it but its length.
func bears(ctx context.Context, token string) bool {
	for _, v := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		// A scheme's case says nothing (RFC 9110, section 11.1).
		scheme, got, _ := strings.Cut(v, " ")
		if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1 {
			return true
		}
	}
	return false
}
