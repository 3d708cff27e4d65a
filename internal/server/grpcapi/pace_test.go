package grpcapi

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// TestFloodsAreSlowed: a connection that makes very many calls which are refused, or take no turn, gets its responses later; calls
// that are served frames are not slowed, and a call that waits has given its place back.
func TestFloodsAreSlowed(t *testing.T) {
	for _, call := range []struct {
		name, method string
		err          error
		slowed       bool
	}{
		{"refused", api.FrameService_Encode_FullMethodName, fault.Errorf(fault.Invalid, "wrong"), true},
		{"served", api.FrameService_Encode_FullMethodName, nil, false},
		{"a list", api.FrameService_ListStreams_FullMethodName, nil, true},
		{"health", healthgrpc.Health_Check_FullMethodName, nil, true},
		{"unknown", "/nothing.Service/Nothing", errors.New("unknown"), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := engine.New(config.Default(), metrics.New(), nil)
			defer e.Close()
			s := &service{engine: e, log: slog.New(slog.DiscardHandler), gate: newGate(e.Config)}
			c := alone()
			begin := time.Now()
			for range 200 {
				tk, err := s.gate.enter(c, "peer", classOf(call.method), func() {})
				if err != nil {
					t.Fatal(err)
				}
				ctx := engine.WithClient(context.WithValue(t.Context(), ticketKey{}, tk), &c.client)
				got := s.interceptor(nil, &scripted{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: call.method}, func(any, grpc.ServerStream) error { return call.err })
				if got != call.err {
					t.Fatalf("%s: got %v, want %v", call.name, got, call.err)
				}
				if call.slowed != tk.left {
					t.Fatalf("%s: the place was given back: %v, want %v", call.name, tk.left, call.slowed)
				}
				tk.leave()
			}
			if waited := time.Since(begin); (waited > 0) != call.slowed {
				t.Errorf("%s: 200 calls waited %v, want some: %v", call.name, waited, call.slowed)
			}
		})
	}
}
