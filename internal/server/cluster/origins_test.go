package cluster_test

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// fakeOrigin is another server, or what says that it is one.
type fakeOrigin struct {
	api.UnimplementedFrameServiceServer
	mu      sync.Mutex
	streams []*api.StreamInfo
	token   string // that it was shown last
}

func (f *fakeOrigin) ListStreams(ctx context.Context, _ *api.ListStreamsRequest) (*api.ListStreamsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token = ""
	if shown := metadata.ValueFromIncomingContext(ctx, "authorization"); len(shown) > 0 {
		f.token = shown[0]
	}
	return &api.ListStreamsResponse{Streams: f.streams}, nil
}

func (f *fakeOrigin) set(streams ...*api.StreamInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams = streams
}

// startOrigin serves f at an address, "" for any, until stop.
func startOrigin(t *testing.T, f *fakeOrigin, address string) (at string, stop func()) {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	api.RegisterFrameServiceServer(s, f)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { s.Stop(); <-ended })
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// TestOrigins: the streams of servers that the settings name are found without NATS, as long as those servers are there; what such a
// server says is bounded, and takes nothing from a publisher here.
func TestOrigins(t *testing.T) {
	t.Parallel()
	first, second := &fakeOrigin{}, &fakeOrigin{}
	one, stopOne := startOrigin(t, first, "")
	two, _ := startOrigin(t, second, "")
	first.set(
		&api.StreamInfo{Name: "cars", State: api.StreamInfo_ONLINE, Source: "grpc 10.0.0.1:1", Format: "yuv420p 640x360", FpsIn: 25, SoundRate: 48000, Viewers: []*api.ViewerInfo{{}}},
		&api.StreamInfo{Name: "../etc", State: api.StreamInfo_ONLINE, Source: "x"},
		&api.StreamInfo{Name: "odd", State: 77, Source: "x", Format: "a\x1b[31mb", FpsIn: math.NaN()},
		&api.StreamInfo{Name: "taken-from-another", State: api.StreamInfo_ONLINE, Source: "x", Node: "c"},
		&api.StreamInfo{Name: "nobody-feeds-it"},
	)
	second.set(&api.StreamInfo{Name: "cars", State: api.StreamInfo_OFFLINE, Source: "x"}, &api.StreamInfo{Name: "trams", State: api.StreamInfo_ONLINE, Source: "x"})

	c := config.Default()
	c.Cluster.Origins, c.Cluster.Token = config.Addresses{one, two}, "n0des"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n := &testNode{streams: map[string]cluster.Stream{}}
	n.streams["trams"] = cluster.Stream{Name: "trams"}
	n.run(t, c, cluster.Node{Name: "edge", Address: "edge:1"}, nil)
	want := []cluster.Stream{
		{Name: "cars", Node: one, Address: one, Epoch: 1, Format: "yuv420p 640x360", FPS: 25, Viewers: 1, Online: true, Sound: true},
		{Name: "odd", Node: one, Address: one, Format: "a[31mb"},
		{Name: "trams", Node: two, Address: two, Epoch: 1, Online: true},
	}
	eventually(t, "streams of both", func() bool { return slices.Equal(n.Streams(), want) })
	expect(t, "kind", n.State().Kind, "static")
	expect(t, "frozen", n.State().Frozen, false)
	expect(t, "an epoch for publishers here", n.Epoch("cars"), 0)
	first.mu.Lock()
	expect(t, "token", first.token, "Bearer n0des")
	first.mu.Unlock()

	first.set(&api.StreamInfo{Name: "cars", State: api.StreamInfo_OFFLINE, Source: "x"})
	second.set(&api.StreamInfo{Name: "cars", State: api.StreamInfo_ONLINE, Source: "x"})
	eventually(t, "the one where images come", func() bool { return n.where("cars") == two && n.where("trams") == "" })
	stopOne()
	eventually(t, "that the first is gone", func() bool { return len(n.Nodes()) == 2 && n.State().Expired > 0 })
	startOrigin(t, first, one)
	eventually(t, "that it is back", func() bool { return len(n.Nodes()) == 3 })
	if taken, _ := n.saw(); len(taken) > 0 {
		t.Errorf("got %v taken from the publisher here", taken)
	}
}
