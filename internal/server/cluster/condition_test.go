package cluster_test

import (
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
)

func TestCondition(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		node  cluster.Node
		state cluster.State
		want  cluster.Condition
	}{
		"heard":             {cluster.Node{Seen: now}, cluster.State{}, cluster.Online},
		"stopping":          {cluster.Node{Seen: now, Draining: true}, cluster.State{}, cluster.Draining},
		"frozen":            {cluster.Node{Seen: now}, cluster.State{Frozen: true}, cluster.Unknown},
		"never heard":       {cluster.Node{}, cluster.State{Kind: "static"}, cluster.Unknown},
		"not responding":    {cluster.Node{Seen: now, Reason: "connection refused"}, cluster.State{Kind: "static"}, cluster.Unknown},
		"this one":          {cluster.Node{Self: true}, cluster.State{Frozen: true}, cluster.Online},
		"this one stopping": {cluster.Node{Self: true, Draining: true}, cluster.State{Frozen: true}, cluster.Draining},
	} {
		if got := tt.node.Condition(&tt.state); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
