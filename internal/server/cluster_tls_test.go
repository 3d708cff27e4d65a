package server_test

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// startTLSNode starts a node whose listeners, and whose directory, show a certificate of a and want one of a from other nodes.
func startTLSNode(t *testing.T, a *authority, name string, change func(*server.Config)) *running {
	t.Helper()
	return startTLS(t, a, func(c *server.Config) {
		c.TLS.ClientCA = filepath.Join(filepath.Dir(c.TLS.Cert), "authority.pem")
		writeBlock(t, c.TLS.ClientCA, "CERTIFICATE", a.cert.Raw)
		c.Cluster.CA = c.TLS.ClientCA
		c.Cluster.Name, c.Cluster.Node, c.Cluster.Listen = "test", name, "127.0.0.1:0"
		if change != nil {
			change(c)
		}
	})
}

// shows waits until a viewer gets an image of a stream that is online, over one hop. On a busy machine the other node is away for a moment.
func shows(t *testing.T, s *running, name string, secure *tls.Config) {
	t.Helper()
	c, err := client.Dial(s.Addrs().GRPC, &client.Options{TLS: secure})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "an image of "+name, func() bool {
		w, err := c.Watch(timeout(t), name, nil)
		if err != nil {
			return false
		}
		defer w.Close()
		image := client.LiveImage{Offline: true}
		for image.Offline {
			if err := w.Next(&image); err != nil {
				return false
			}
		}
		list, err := c.ListStreams(timeout(t))
		return err == nil && len(list) == 1 && list[0].Hops == 1
	})
}

// TestNodesOverTLS: nodes show each other's streams over TLS, with their own certificates on both sides, from the directory, which is inside them,
// to the images. One whose certificate is of another authority is no node of theirs. A server that names another one needs its token.
func TestNodesOverTLS(t *testing.T) {
	t.Parallel()
	if server.TLS != nil {
		t.Skip("nodes have TLS from their settings alone")
	}
	a := newAuthority(t)
	one := startTLSNode(t, a, "one", func(c *server.Config) {
		c.Cluster.Token = "n0des"
		c.Streams = config.Streams{"cam": {Source: "testsrc:64x48@10"}}
	})
	joining := func(c *server.Config) {
		c.Cluster.Token = "n0des"
		c.Cluster.Routes = config.Addresses{one.Directory().Listening()}
	}
	two := startTLSNode(t, a, "two", joining)
	stranger := startTLSNode(t, newAuthority(t), "stranger", joining)
	eventually(t, "the stream of the other node", func() bool { s, ok := two.Directory().Find("cam"); return ok && s.Online })
	shows(t, two, "cam", &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.client(t)}})
	eventually(t, "that the stranger is refused", func() bool { return strings.Contains(stranger.log.String(), "certificate") })
	if n, ok := one.Directory().Node("stranger"); ok {
		t.Errorf("got the node %+v, want it refused", n)
	}
	if list := stranger.Directory().Streams(); len(list) > 0 {
		t.Errorf("the stranger knows %+v", list)
	}

	viewing := func(token string) *running {
		return start(t, func(c *server.Config) {
			c.Cluster.CA = filepath.Join(t.TempDir(), "authority.pem")
			writeBlock(t, c.Cluster.CA, "CERTIFICATE", a.cert.Raw)
			c.Cluster.Origins, c.Cluster.Token = config.Addresses{one.Addrs().GRPC}, token
		})
	}
	edge := viewing("n0des")
	eventually(t, "the stream of a server that is named", func() bool { s, ok := edge.Directory().Find("cam"); return ok && s.Online })
	shows(t, edge, "cam", nil)
	guessing := viewing("guess")
	eventually(t, "why it has none", func() bool {
		for _, n := range guessing.Directory().Nodes() {
			if strings.Contains(n.Reason, "token") {
				return true
			}
		}
		return false
	})
}
