package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/testkit/clusterbus"
)

// clusterSeen is what tests look at of GET /v1/cluster.
type clusterSeen struct {
	Time          time.Time
	Cluster, Node string
	Directory     struct {
		Kind, State, Reason string
		Received            struct{ Messages int }
	}
	Nodes   []nodeSeen
	Streams []streamSeen
}

type nodeSeen struct {
	Name, Address, State    string
	Self                    bool
	Age                     *float64 `json:"age_ms"`
	Streams, Viewers, Pulls int
}

// streamSeen is what they look at of a stream there, and of GET /v1/streams.
type streamSeen struct {
	Name, Node, State, Via string
	Hops                   int
	Age                    *float64 `json:"age_ms"`
}

// asks returns what a node responds to who has a token.
func (n *node) asks(t *testing.T, token, path string, v any) (status int) {
	t.Helper()
	resp, body := n.ask(t, "GET", path, "Authorization", "Bearer "+secretOf(token))
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(body), v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return resp.StatusCode
}

// cluster returns what a node says of its cluster to who has a token, with as many nodes and streams at least as tests look at.
func (n *node) cluster(t *testing.T, token string) (seen clusterSeen) {
	t.Helper()
	n.asks(t, token, "/v1/cluster", &seen)
	seen.Nodes = append(seen.Nodes, make([]nodeSeen, 2)...)
	seen.Streams = append(seen.Streams, streamSeen{})
	return seen
}

// TestClusterStatus: a node says which others there are, where the streams come from that the caller may view, and whether it hears
// the directory; metrics say the same.
func TestClusterStatus(t *testing.T) {
	t.Parallel()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	dir, key := t.TempDir(), auth.NewLinkKey()
	tokens := ""
	for name, scopes := range map[string]string{"viewer": "view:cam", "admin": "admin"} {
		tokens += fmt.Sprintf("%s sha256:%x %s\n", name, sha256.Sum256([]byte(secretOf(name))), scopes)
	}
	for name, content := range map[string]string{"tokens": tokens, "keys": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bus := &clusterbus.Bus{}
	a := startNode(t, bus, "a", nil)
	b := startNode(t, bus, "b", func(c *server.Config) {
		c.Auth.TokensFile, c.Auth.LinkKeys = filepath.Join(dir, "tokens"), filepath.Join(dir, "keys")
	})
	startPump(t, a, "cam", 1)
	startPump(t, a, "door", 2)

	var seen clusterSeen
	eventually(t, "b to know a and its streams", func() bool {
		seen = b.cluster(t, "viewer")
		return seen.Nodes[0].Streams == 2 && seen.Streams[0].Name == "cam" && seen.Streams[0].State == "online"
	})
	if s := seen.Streams[0]; len(seen.Streams) != 2 || s.Node != "a" || s.Hops != 0 || s.Via != "" || s.Age != nil {
		t.Errorf("got %+v, want cam of node a alone, which nobody watches here", s)
	}
	if seen.Cluster != "test" || seen.Node != "b" || seen.Directory.State != "connected" || seen.Directory.Received.Messages == 0 || time.Since(seen.Time).Abs() > time.Hour {
		t.Errorf("got %+v", seen)
	}
	if n := seen.Nodes[0]; n.Name != "a" || n.State != "online" || n.Self || n.Age == nil || n.Address != a.Addrs().GRPC {
		t.Errorf("got %+v, want node a at %s", n, a.Addrs().GRPC)
	}
	if n := seen.Nodes[1]; n.Name != "b" || n.State != "online" || !n.Self || n.Age != nil {
		t.Errorf("got %+v, want node b itself", n)
	}

	request, err := http.NewRequestWithContext(timeout(t), "GET", "http://"+b.Addrs().HTTP+"/stream/cam.mjpg", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secretOf("viewer"))
	viewer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Body.Close()
	eventually(t, "the way of the stream", func() bool {
		seen = b.cluster(t, "viewer")
		s := seen.Streams[0]
		return s.Hops == 1 && s.Via == "a" && s.Age != nil && *s.Age > 0 && s.State == "online" && seen.Nodes[1].Pulls == 1 && seen.Nodes[1].Viewers == 1
	})
	var list struct{ Streams []streamSeen }
	eventually(t, "the list to say so", func() bool {
		list.Streams = nil
		b.asks(t, "viewer", "/v1/streams", &list)
		return len(list.Streams) == 1 && list.Streams[0].Node == "a" && list.Streams[0].Hops == 1 && list.Streams[0].Via == "a" && list.Streams[0].Age != nil
	})
	eventually(t, "a to list b as a viewer", func() bool { return slices.Contains(a.edges(t, "cam"), "b") })
	if n := a.cluster(t, "anybody").Nodes[0]; n.Name != "a" || n.Viewers != 0 {
		t.Errorf("got %+v, want a node whose only viewer is another node, which does not count", n)
	}
	var exported string
	eventually(t, "metrics to say so", func() bool {
		_, exported = b.admin(t, "/metrics")
		for _, line := range []string{
			`steadyframe_cluster_nodes{cluster="test",state="online"} 2`, `steadyframe_cluster_streams{cluster="test",node="elsewhere"} 2`,
			`steadyframe_cluster_streams{cluster="test",node="here"} 0`, `steadyframe_cluster_connected{cluster="test"} 1`, "steadyframe_pulls 1", "steadyframe_pull_hops 1",
		} {
			if !strings.Contains(exported, "\n"+line+"\n") {
				return false
			}
		}
		return true
	})
	var pulled float64
	for line := range strings.Lines(exported) {
		if _, err := fmt.Sscanf(line, "steadyframe_pulled_bytes_total %g", &pulled); err == nil {
			break
		}
	}
	var stats struct {
		Node    string
		Network struct {
			In float64 `json:"in_bytes"`
		}
	}
	if b.asks(t, "viewer", "/v1/stats", &stats); stats.Node != "b" || pulled == 0 || stats.Network.In < pulled {
		t.Errorf("got stats of node %q with %v bytes received, want b, and the %v of images from a among them", stats.Node, stats.Network.In, pulled)
	}

	if admin := b.cluster(t, "admin"); admin.Node != "b" || len(admin.Streams) != 1 {
		t.Errorf("who may view nothing got %+v, want nodes without streams", admin)
	}
	if status := b.asks(t, "nobody", "/v1/cluster", new(clusterSeen)); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: got status %d", status)
	}
	signing, err := auth.ParseLinkKeys([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	link, err := signing.Sign("cam", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := b.ask(t, "GET", "/v1/cluster?"+auth.LinkParameter+"="+link); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "not the servers") {
		t.Errorf("a link: got status %d, %s", resp.StatusCode, body)
	}
	eventually(t, "a link's list with the stream", func() bool {
		_, body := b.ask(t, "GET", "/v1/streams?"+auth.LinkParameter+"="+link)
		if strings.Contains(body, `"node"`) || strings.Contains(body, `"via"`) {
			t.Fatalf("a link's list: got %s, want no node", body)
		}
		return strings.Contains(body, `"hops":1`)
	})

	eventually(t, "b to say that it hears nothing", func() bool {
		if seen = b.cluster(t, "viewer"); seen.Nodes[0].Name == "a" {
			b.line.Cut(errors.New("no servers"))
		} else { // a was silent just then, since the machine is busy.
			b.line.Cut(nil)
		}
		return seen.Directory.State == "frozen" && seen.Directory.Reason == "no servers" && seen.Nodes[0].State == "unknown" && seen.Nodes[1].State == "online"
	})
	eventually(t, "metrics to say so", func() bool {
		_, exported := b.admin(t, "/metrics")
		return strings.Contains(exported, `steadyframe_cluster_connected{cluster="test"} 0`) && strings.Contains(exported, `steadyframe_cluster_nodes{cluster="test",state="unknown"} 1`)
	})
	b.line.Cut(nil)
	eventually(t, "b to hear again", func() bool {
		seen = b.cluster(t, "viewer")
		return seen.Directory.State == "connected" && seen.Nodes[0].State == "online"
	})
}

// TestNoCluster: a server that is alone says so, and what to do.
func TestNoCluster(t *testing.T) {
	s := start(t, nil)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if resp, body := s.ask(t, "GET", "/v1/cluster"); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "cluster.name") {
		t.Errorf("got status %d, %s", resp.StatusCode, body)
	}
	if _, exported := s.admin(t, "/metrics"); strings.Contains(exported, "steadyframe_cluster_") {
		t.Error("metrics of a cluster that there is not")
	}
	if _, body := s.ask(t, "GET", "/v1/stats"); strings.Contains(body, `"node"`) {
		t.Errorf("got %s, want no node", body)
	}
}
