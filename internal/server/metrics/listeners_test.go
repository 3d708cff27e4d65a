package metrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

func TestListenersAndLimits(t *testing.T) {
	m := New()
	m.RegisterLimits(Limit{"limits.max_connections", 512}, Limit{"limits.queue_depth", 64})
	m.Registry.MustRegister(NewListeners([]Listener{
		{"http", func() int { return 3 }, func() uint64 { return 0 }, func() uint64 { return 2 }, func() (in, out int64) { return 5, 6 }},
		{"grpc", func() int { return 512 }, func() uint64 { return 7 }, func() uint64 { return 0 }, func() (in, out int64) { return 7, 8 }},
	}))
	want := []string{
		"steadyframe_connections_evicted_total{grpc} 0", "steadyframe_connections_evicted_total{http} 2",
		"steadyframe_connections_refused_total{grpc} 7", "steadyframe_connections_refused_total{http} 0",
		"steadyframe_connections{grpc} 512", "steadyframe_connections{http} 3",
		"steadyframe_limit{limits.max_connections} 512", "steadyframe_limit{limits.queue_depth} 64",
		"steadyframe_received_bytes_total{grpc} 7", "steadyframe_received_bytes_total{http} 5",
		"steadyframe_sent_bytes_total{grpc} 8", "steadyframe_sent_bytes_total{http} 6",
	}
	if got := gathered(t, m, "steadyframe_connections", "steadyframe_received", "steadyframe_sent", "steadyframe_limit"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The buffers of each class are exported by what they do now.
func TestPoolBuffers(t *testing.T) {
	m := New()
	p := pool.New(&pool.Options{Floor: 1 << 20})
	m.Registry.MustRegister(NewPools(p.Stats))
	var held []pool.Buf
	for range 3 {
		b, err := p.Get(5000)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
	}
	held[0].Release()
	defer held[1].Release()
	defer held[2].Release()
	want := []string{"steadyframe_pool_buffers{5120,idle} 1", "steadyframe_pool_buffers{5120,in_use} 2"}
	if got := gathered(t, m, "steadyframe_pool_buffers"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
