package cluster_test

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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
	refuses string // what it says instead of a list; empty: nothing
}

func (f *fakeOrigin) ListStreams(ctx context.Context, _ *api.ListStreamsRequest) (*api.ListStreamsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuses != "" {
		return nil, status.Error(codes.PermissionDenied, f.refuses)
	}
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
	eventually(t, "that the first is gone", func() bool { return n.State().Expired > 0 })
	eventually(t, "that it refuses connections", func() bool { return strings.HasSuffix(n.node(t, one).Reason, "connection refused") })
	gone := n.node(t, one)
	expect(t, "its condition", n.condition(gone), cluster.Unknown)
	expect(t, "its address", gone.Address, one)
	expect(t, "that it was heard", gone.Seen.IsZero(), false)
	if strings.Contains(gone.Reason, "desc =") {
		t.Errorf("got %q, want it without the words around it", gone.Reason)
	}
	startOrigin(t, first, one)
	eventually(t, "that it is back", func() bool { return n.condition(n.node(t, one)) == cluster.Online })
	expect(t, "the number of servers, with this one", len(n.Nodes()), 3)
	if taken, _ := n.saw(); len(taken) > 0 {
		t.Errorf("got %v taken from the publisher here", taken)
	}
}

// node returns what is known of a node that has to be listed.
func (n *testNode) node(t *testing.T, name string) cluster.Node {
	t.Helper()
	nodes := n.Nodes()
	i := slices.IndexFunc(nodes, func(o cluster.Node) bool { return o.Name == name })
	if i < 0 {
		t.Fatalf("got %v, want %s among them", nodes, name)
	}
	return nodes[i]
}

func (n *testNode) condition(o cluster.Node) cluster.Condition {
	state := n.State()
	return o.Condition(&state)
}

// TestOriginRefuses: a server of the settings that gives no list is listed from the beginning, with what it says.
func TestOriginRefuses(t *testing.T) {
	t.Parallel()
	address, _ := startOrigin(t, &fakeOrigin{refuses: "the token may not view all streams"}, "")
	c := config.Default()
	c.Cluster.Origins, c.Cluster.Token = config.Addresses{address}, "n0des"
	n := &testNode{}
	n.run(t, c, cluster.Node{Name: "edge", Address: "edge:1"}, nil)
	expect(t, "its condition", n.condition(n.node(t, address)), cluster.Unknown)
	eventually(t, "what it says", func() bool { return n.node(t, address).Reason == "the token may not view all streams" })
	expect(t, "that it was never heard", n.node(t, address).Seen.IsZero(), true)
}
