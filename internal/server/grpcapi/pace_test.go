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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

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

// ending is a call that ends.
type ending struct {
	scripted
	trailer metadata.MD
}

// SetTrailer is part of grpc.ServerStream.
func (e *ending) SetTrailer(trailer metadata.MD) { e.trailer = trailer }

// TestTooManyCallsAreRefusedAtOnce: where the queue is full, a call that would have a place in it is refused before it has a handler,
// unless its connection does not know the load, or makes so many calls that it is to wait.
func TestTooManyCallsAreRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := config.Default()
		settings.Workers, settings.Limits.QueueDepth = 1, 0
		e := engine.New(settings, metrics.New(), nil)
		defer e.Close()
		s, c := &service{engine: e, log: slog.New(slog.DiscardHandler)}, alone()
		const encode, mel = api.FrameService_Encode_FullMethodName, api.FrameService_Mel_FullMethodName
		if err := s.tooMany(c, encode); err != nil {
			t.Errorf("with room: got %v, want nil", err)
		}
		if err := e.Reserve(); err != nil {
			t.Fatal(err)
		}
		defer e.Unreserve()
		for _, method := range []string{api.FrameService_EncodeStream_FullMethodName, api.FrameService_MelStream_FullMethodName, api.FrameService_Watch_FullMethodName, healthgrpc.Health_Check_FullMethodName} {
			if err := s.tooMany(c, method); err != nil {
				t.Errorf("%s: got %v, want nil: it needs no place", method, err)
			}
		}
		for _, method := range []string{encode, mel} {
			if f := fault.From(s.tooMany(c, method)); f == nil || f.Kind != fault.Busy || f.Limit != "limits.queue_depth" {
				t.Errorf("%s: got %v, want Busy", method, f)
			}
		}
		e.Metrics.Served(time.Second)
		<-time.After(time.Second) // Then the load is another.
		if err := s.tooMany(c, encode); err != nil {
			t.Errorf("where the load was not said yet: got %v, want nil", err)
		}
		if err := s.tooMany(c, mel); err == nil {
			t.Error("Mel, which does not say the load, was not refused")
		}
		<-time.After(2 * time.Second)
		call := &ending{scripted: scripted{ctx: peer.NewContext(t.Context(), &peer.Peer{AuthInfo: c})}}
		if s.sayLoad(call); len(call.trailer[loadKey]) != 1 {
			t.Errorf("got trailer %v, want the load", call.trailer)
		}
		refused := 0
		for range 500 {
			if s.tooMany(c, encode) != nil {
				refused++
			}
		}
		if refused == 0 || refused == 500 {
			t.Errorf("%d of 500 calls in no time were refused at once, want some: the others wait", refused)
		}
		if err := s.tooMany(alone(), mel); err == nil {
			t.Error("a call of another connection was not refused at once")
		}
	})
}
