package cluster_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// realNode starts a node with settings of its own.
func realNode(t *testing.T, name string, set func(*config.Config)) *testNode {
	t.Helper()
	c := config.Default()
	c.Cluster.Name, c.Cluster.Node, c.Cluster.Listen = "test", name, "127.0.0.1:0"
	set(&c)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n := &testNode{streams: map[string]cluster.Stream{}}
	n.run(t, c, cluster.Node{Name: name, Address: name + ":50051"}, nil)
	return n
}

// withTLS makes a certificate of 127.0.0.1 that vouches for itself.
func withTLS(t *testing.T) config.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := config.TLS{Cert: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	for path, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: cert}, c.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestEmbedded: nodes with the embedded NATS find each other when each knows one other, over TLS too, and one that is not told the
// token, or has another certificate, is none.
func TestEmbedded(t *testing.T) {
	for _, kind := range []string{"plain", "token", "tls", "mtls"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var shared config.TLS
			if strings.HasSuffix(kind, "tls") {
				shared = withTLS(t)
			}
			if kind == "mtls" {
				shared.ClientCA = shared.Cert
			}
			var routes config.Addresses
			common := func(c *config.Config) {
				c.Cluster.Routes, c.TLS.Cert, c.TLS.Key, c.TLS.ClientCA = routes, shared.Cert, shared.Key, shared.ClientCA
				if kind != "plain" {
					c.Cluster.Token = "n0des-of-the-test"
				}
			}
			a := realNode(t, "a", common)
			routes = config.Addresses{a.Listening()}
			b, c := realNode(t, "b", common), realNode(t, "c", func(s *config.Config) { common(s); s.Cluster.Listen = config.Off })
			for _, n := range []*testNode{a, b, c} {
				eventually(t, "three nodes", func() bool { return slices.Equal(names(n.Nodes()), []string{"a", "b", "c"}) })
			}
			b.publish("cars", 5)
			for _, n := range []*testNode{a, c} {
				eventually(t, "the stream of b", func() bool { return n.where("cars") == "b" })
			}
			eventually(t, "nothing is wrong", func() bool {
				s := a.State()
				return s.Kind == "embedded" && !s.Frozen && s.Reason == "" && s.Sent.Messages > 0 && s.Received.Messages > 0
			})
			b.stop()
			if s := b.State(); strings.Contains(s.Reason, "closed the connection") {
				t.Errorf("b has lost what it closed: %+v", s)
			}
			for _, n := range []*testNode{a, c} {
				eventually(t, "b has left", func() bool { return n.where("cars") == "" && slices.Equal(names(n.Nodes()), []string{"a", "c"}) })
			}
			if kind == "plain" {
				return
			}
			stranger := realNode(t, "stranger", func(c *config.Config) {
				common(c)
				if kind == "token" {
					c.Cluster.Token = "an0ther"
				} else {
					own := withTLS(t)
					c.TLS.Cert, c.TLS.Key = own.Cert, own.Key
				}
			})
			late := realNode(t, "late", common)
			eventually(t, "the one with the token", func() bool { return slices.Equal(names(a.Nodes()), []string{"a", "c", "late"}) })
			expect(t, "the stranger's", names(stranger.Nodes()), []string{"stranger"})
			eventually(t, "why", func() bool { return stranger.State().Reason != "" })
			_ = late
		})
	}
}

// TestRoutesByName: nodes that know one name for all of them find each other, though it has no addresses at first, and then the first
// node's alone. No other test has names to look up.
func TestRoutesByName(t *testing.T) {
	hosts := []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"}
	_, port, err := net.SplitHostPort(daemon.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(hosts[1], port))
	if err != nil {
		t.Skipf("one loopback address: %v", err)
	}
	l.Close()
	var asked atomic.Int64
	cluster.LookUpHost(t, func(_ context.Context, name string) ([]string, error) {
		if name != "localhost" { // NATS, which looks the name up itself, finds nobody there.
			t.Errorf("%s was looked up, want localhost", name)
		}
		switch n := asked.Add(1); {
		case n <= 3:
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		case n <= 6:
			return hosts[:1], nil
		}
		return hosts, nil
	})
	var nodes []*testNode
	for _, host := range hosts {
		nodes = append(nodes, realNode(t, host, func(c *config.Config) {
			c.Cluster.Listen, c.Cluster.Routes = net.JoinHostPort(host, port), config.Addresses{"localhost:" + port}
		}))
	}
	for _, n := range nodes {
		eventually(t, "three nodes", func() bool { return slices.Equal(names(n.Nodes()), hosts) })
	}
	for _, n := range nodes {
		n.stop()
	}
}

// TestListenErrors: a listener that cannot be opened is an error of New that names the setting.
func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := config.Default()
	c.Cluster.Name, c.Cluster.Listen = "test", taken.Addr().String()
	_, err = cluster.New(c, cluster.Node{Name: "a", Address: "a:1"}, cluster.Options{})
	if err == nil || !strings.Contains(err.Error(), "cluster.listen") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want cluster.listen and that the address is in use", err)
	}
	c.Cluster.Listen = "127.0.0.1:0"
	d, err := cluster.New(c, cluster.Node{Name: "a", Address: "a:1"}, cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Close() // leaktest sees what stays
	c.TLS = config.TLS{Cert: "/does/not/exist", Key: "/neither"}
	if _, err = cluster.New(c, cluster.Node{Name: "a", Address: "a:1"}, cluster.Options{}); err == nil || !strings.Contains(err.Error(), "tls.cert") {
		t.Errorf("got %v, want tls.cert", err)
	}
}

// startNATS starts a NATS of its own at an address.
func startNATS(t *testing.T, address, password string) *natsserver.Server {
	t.Helper()
	o := &natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Username: "sf", Password: password}
	if address != "" {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(port, &o.Port); err != nil {
			t.Fatal(err)
		}
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS is not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// TestOutside: nodes with a NATS of its own keep what they know when it is lost, say so, and go on when it is back. The log and the
// state do not show its password.
func TestOutside(t *testing.T) {
	t.Parallel()
	ns := startNATS(t, "", "s3cretword")
	address := ns.Addr().String()
	var log strings.Builder
	var mu sync.Mutex
	logger := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	start := func(name, password string) *testNode {
		c := config.Default()
		c.Cluster.Name, c.Cluster.Node, c.Cluster.NATS = "test", name, "nats://sf:"+password+"@"+address
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		n := &testNode{streams: map[string]cluster.Stream{}}
		n.run(t, c, cluster.Node{Name: name, Address: name + ":50051"}, logger)
		return n
	}
	a, b := start("a", "s3cretword"), start("b", "s3cretword")
	b.publish("cars", 5)
	eventually(t, "the stream of b", func() bool { return a.where("cars") == "b" })
	expect(t, "kind", a.State().Kind, "nats")
	stranger := start("stranger", "s3cretword2")
	eventually(t, "why a wrong password does not do", func() bool { return strings.Contains(stranger.State().Reason, "uthorization") })

	ns.Shutdown()
	ns.WaitForShutdown()
	eventually(t, "frozen", func() bool { return a.State().Frozen && b.State().Frozen })
	b.publish("trams", 6)
	if a.where("cars") != "b" && a.State().Expired == 0 { // On a busy machine b may have been silent before.
		t.Error("the stream of b is lost with NATS")
	}
	startNATS(t, address, "s3cretword")
	eventually(t, "news after that", func() bool { return a.where("trams") == "b" && !a.State().Frozen && a.State().Reason == "" })
	mu.Lock()
	defer mu.Unlock()
	if text := log.String() + stranger.State().Reason; strings.Contains(text, "s3cret") {
		t.Errorf("the password is shown in %s", text)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
