package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// lookUp bounds the time for the names of other nodes.
const lookUp = 5 * time.Second

// cluster tells whether other nodes can find and reach this one.
func (c *Checkup) cluster(ctx context.Context) (found []Finding) {
	cl := c.Config.Cluster
	if !cl.Enabled() {
		return nil
	}
	if cl.CA != "" {
		if _, err := os.ReadFile(cl.CA); err != nil {
			found = append(found, Finding{Stop, "cluster.ca", err.Error(), "a file that the server's user can read"})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	if missing := unknownNames(ctx, slices.Concat(cl.Routes, cl.Origins)); len(missing) > 0 {
		found = append(found, Finding{Note, "cluster", fmt.Sprintf("no address is known for %s: looked up again while the server runs", config.Addresses(missing)), ""})
	}
	if cl.Name == "" {
		return append(found, Finding{OK, "cluster.origins", fmt.Sprintf("shows the streams of %s", cl.Origins), ""})
	}
	self := cl.Advertised(c.Config.GRPC.Listen)
	f := Finding{OK, "cluster", fmt.Sprintf("node %s of %s; the others reach it at %s", cl.NodeName(), cl.Name, self), ""}
	beyond := cl.NATS != config.Embedded || config.Exposed(cl.Listen) || slices.ContainsFunc(cl.Routes, config.Exposed)
	switch {
	case beyond && !config.Exposed(self):
		f.Level, f.Advice = Change, "set grpc.listen to an address that other machines reach, or cluster.advertise to HOST:PORT that leads there: at this one they would ask themselves"
	case len(unknownNames(ctx, []string{self})) > 0:
		f.Level, f.Advice = Change, "set cluster.advertise: its name has no address here"
	case cl.NATS == config.Embedded && !config.Exposed(cl.Listen) && slices.ContainsFunc(cl.Routes, config.Exposed):
		f.Level, f.Advice = Note, "set cluster.listen to an address that other machines reach, where this node is to be in their cluster.routes"
	}
	if cl.Token == "" && c.Config.AuthRequired() {
		f.Level, f.Advice = Change, "set cluster.token, the same on all nodes: without it they may not view each other's streams"
	}
	return append(found, f)
}

// unknownNames returns those of addresses whose names have no IP address.
func unknownNames(ctx context.Context, addresses []string) (unknown []string) {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if _, err := netip.ParseAddr(host); err == nil || host == "" {
			continue
		}
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			unknown = append(unknown, a)
		}
	}
	return unknown
}
