package doctor

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// TestCluster: a node that others could not find, reach or be let in by says what to set.
func TestCluster(t *testing.T) {
	if found := machine(nil).cluster(t.Context()); found != nil {
		t.Errorf("got %+v without a cluster", found)
	}
	for _, tt := range []struct {
		name  string
		set   func(*config.Config)
		level Level
		texts []string
	}{
		{"loopback", func(*config.Config) {}, OK, []string{"node a of production", "127.0.0.1:50051"}},
		{"unreachable", func(c *config.Config) { c.Cluster.Listen = "0.0.0.0:6222" }, Change, []string{"cluster.advertise"}},
		{"unreachable-for-nats", func(c *config.Config) { c.Cluster.NATS = "nats://10.0.0.1:4222" }, Change, []string{"cluster.advertise"}},
		{"advertised", func(c *config.Config) {
			c.Cluster.Listen, c.Cluster.Advertise = "0.0.0.0:6222", "10.0.0.1:50051"
		}, OK, []string{"10.0.0.1:50051"}},
		{"not-in-routes-of-others", func(c *config.Config) {
			c.Cluster.Routes, c.Cluster.Advertise = config.Addresses{"10.0.0.2:6222"}, "10.0.0.1:50051"
		}, Note, []string{"cluster.listen"}},
		{"name", func(c *config.Config) {
			c.Cluster.Listen, c.Cluster.Advertise = "0.0.0.0:6222", "nowhere.invalid:50051"
		}, Change, []string{"cluster.advertise", "no address"}},
		{"token", func(c *config.Config) { c.Auth.Token = "x" }, Change, []string{"cluster.token"}},
		{"origins", func(c *config.Config) {
			c.Cluster = config.Cluster{Origins: config.Addresses{"10.0.0.1:50051"}, NATS: config.Embedded}
		}, OK, []string{"10.0.0.1:50051"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := machine(nil)
			c.Config.Cluster.Name, c.Config.Cluster.Node = "production", "a"
			tt.set(&c.Config)
			want(t, c.cluster(t.Context()), tt.level, tt.texts...)
		})
	}
	c := machine(nil)
	c.Config.Cluster.Origins, c.Config.Cluster.CA = config.Addresses{"10.0.0.1:50051"}, "/does/not/exist"
	if found := c.cluster(t.Context()); len(found) != 2 || found[0].Level != Stop || found[0].About != "cluster.ca" {
		t.Errorf("got %+v, want a stop for cluster.ca", found)
	}
	listens := func() bool {
		for _, l := range c.listened() {
			if l.setting == "cluster.listen" {
				return true
			}
		}
		return false
	}
	if listens() {
		t.Error("got a listener of the cluster without one")
	}
	if c.Config.Cluster.Name = "production"; !listens() {
		t.Error("got no listener of the cluster")
	}
}
