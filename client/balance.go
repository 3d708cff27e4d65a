package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	_ "google.golang.org/grpc/health" // looks after the servers
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// A Client of several servers gives each call to one of them, by gRPC's weighted round robin (grpc/proposal, A58): servers
// say in the trailers of batches how busy they are, and the health service says whether they are stopping. What is ours is
// that a batch which one server could not serve goes to another.
const (
	dnsScheme    = "dns:"
	staticScheme = "static:"
	policyName   = "steadyframe_weighted_round_robin"

	// mostTries is how many servers a batch is sent to at most when they stop or die, one after the other.
	mostTries = 4
	// mostPicks is how often the policy is asked for a server that was not tried. It goes round all of them, the oftener to one
	// the less busy that is.
	mostPicks = 256
	// settling is how long after a failure gRPC may still read the frames of the batch.
	settling = 50 * time.Millisecond
)

// balances reports whether a target may be several servers.
func balances(target string) bool {
	return strings.HasPrefix(target, dnsScheme) || strings.HasPrefix(target, staticScheme)
}

// balancing returns the options for a target of several servers. A weight is used after a second of reports, and forgotten
// without one for half a minute. A server that does not respond to a ping is given up.
func balancing(target string) ([]grpc.DialOption, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(fmt.Sprintf(
			`{"loadBalancingConfig":[{%q:{"blackoutPeriod":"1s","weightExpirationPeriod":"30s","weightUpdatePeriod":"0.5s"}}],"healthCheckConfig":{"serviceName":%q}}`,
			policy, api.FrameService_ServiceDesc.ServiceName)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 15 * time.Second, Timeout: 5 * time.Second}),
	}
	if strings.HasPrefix(target, dnsScheme) {
		return options, nil
	}
	servers, err := parseStatic(target)
	if err != nil {
		return nil, err
	}
	return append(options, grpc.WithResolvers(staticBuilder(servers))), nil
}

// parseStatic returns the addresses of a target static:///host:port,host:port.
func parseStatic(target string) ([]string, error) {
	list := strings.TrimPrefix(strings.TrimPrefix(target, staticScheme), "///")
	servers := strings.Split(list, ",")
	for i, s := range servers {
		host, port, err := net.SplitHostPort(s)
		if err != nil || host == "" || port == "" || strings.ContainsAny(s, "/ ") {
			return nil, fmt.Errorf("client: got target %q, want static:///host:port,host:port: %q is no host:port", target, s)
		}
		if slices.Contains(servers[:i], s) {
			return nil, fmt.Errorf("client: got target %q, which has %s twice", target, s)
		}
	}
	return servers, nil
}

// staticBuilder makes resolvers that know those servers.
type staticBuilder []string

// Scheme is part of resolver.Builder.
func (staticBuilder) Scheme() string { return strings.TrimSuffix(staticScheme, ":") }

// OverrideAuthority is part of resolver.AuthorityOverrider.
func (b staticBuilder) OverrideAuthority(resolver.Target) string { return b[0] }

// Build is part of resolver.Builder. Each server's certificate must have the server's own name.
func (b staticBuilder) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	var state resolver.State
	for _, s := range b {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: s, ServerName: s}}})
	}
	return nothingNew{}, cc.UpdateState(state)
}

// nothingNew is a resolver whose servers stay the same.
type nothingNew struct{}

func (nothingNew) ResolveNow(resolver.ResolveNowOptions) {}
func (nothingNew) Close()                                {}

// policy is the name under which gRPC knows ours, which it must before the first connection.
var policy = register()

func register() string {
	balancer.Register(policyBuilder{balancer.Get(weightedroundrobin.Name)})
	return policyName
}

// policyBuilder makes gRPC's policy choose another server for what one could not serve.
type policyBuilder struct{ balancer.Builder }

// Name is part of balancer.Builder.
func (policyBuilder) Name() string { return policyName }

// Build is part of balancer.Builder.
func (b policyBuilder) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	return b.Builder.Build(&policyConn{ClientConn: cc, new: map[*policySubConn]bool{}}, o)
}

// ParseConfig is part of balancer.ConfigParser.
func (b policyBuilder) ParseConfig(data json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	return b.Builder.(balancer.ConfigParser).ParseConfig(data)
}

// policyConn is what the policy tells its choice.
type policyConn struct {
	balancer.ClientConn

	mu  sync.Mutex
	new map[*policySubConn]bool // servers of which is not known yet whether they serve
}

// NewSubConn is part of balancer.ClientConn.
func (c *policyConn) NewSubConn(addresses []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	s := &policySubConn{conn: c}
	listener := o.StateListener
	o.StateListener = func(state balancer.SubConnState) {
		if now := state.ConnectivityState; now != connectivity.Connecting && now != connectivity.Ready { // whose health is asked for next
			s.known()
		}
		listener(state)
	}
	c.mu.Lock()
	c.new[s] = true
	c.mu.Unlock()
	var err error
	//lint:ignore SA1019 the policy passes one address
	if s.SubConn, err = c.ClientConn.NewSubConn(addresses, o); err != nil {
		s.known()
		return nil, err
	}
	return s, nil
}

// UpdateState is part of balancer.ClientConn. Whenever a server is known, the policy calls it afterwards.
func (c *policyConn) UpdateState(s balancer.State) {
	c.mu.Lock()
	s.Picker = picker{s.Picker, len(c.new) > 0}
	c.mu.Unlock()
	c.ClientConn.UpdateState(s)
}

// policySubConn is a connection to a server, as the policy has it.
type policySubConn struct {
	balancer.SubConn
	conn *policyConn
}

// RegisterHealthListener is part of balancer.SubConn.
func (s *policySubConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	s.SubConn.RegisterHealthListener(func(state balancer.SubConnState) {
		if state.ConnectivityState != connectivity.Connecting {
			s.known()
		}
		listener(state)
	})
}

// Shutdown is part of balancer.SubConn.
func (s *policySubConn) Shutdown() {
	s.known()
	s.SubConn.Shutdown()
}

// known notes that the server serves, or that it does not: for the first time, or again.
func (s *policySubConn) known() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	delete(s.conn.new, s)
}

// picker is the policy's, which it asks for another server while it gets one that was tried.
type picker struct {
	balancer.Picker
	grows bool // whether another picker will follow that may have more servers
}

// Pick is part of balancer.Picker. A batch for which all servers were tried waits, as the first one does, for those to which the first
// connection is still being made.
func (p picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	got, err := p.Picker.Pick(info)
	if t, _ := info.Ctx.Value(triesKey{}).(*tries); t != nil {
		for n := 0; err == nil && slices.Contains(t.servers, got.SubConn) && n < mostPicks; n++ {
			got, err = p.Picker.Pick(info)
		}
		if err == nil && slices.Contains(t.servers, got.SubConn) {
			if p.grows {
				return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
			} else if t.others {
				return balancer.PickResult{}, status.Error(codes.Unavailable, "there is no other server")
			}
		}
		if err == nil {
			t.picked = got.SubConn
		}
	}
	if s, ok := got.SubConn.(*policySubConn); ok {
		got.SubConn = s.SubConn // which gRPC knows
	}
	return got, err
}

// tries are the servers that a batch was sent to. The picker finds them in the context of the call.
type tries struct {
	servers []balancer.SubConn // that failed
	picked  balancer.SubConn   // the last; nil: there was none
	full    error              // of the first that had no room
	others  bool               // whether none of servers is to be asked again
}

type triesKey struct{}

// again reports whether a batch that failed with err is to be sent once more. Encoding it twice harms nobody. It goes to
// another server for want of room only once: where all are full, clients that ask each of them make it worse.
func (t *tries) again(err error) bool {
	if t.picked == nil || len(t.servers) == mostTries-1 {
		return false
	}
	t.servers = append(t.servers, t.picked)
	t.picked = nil
	switch e := toError(err).(*Error); {
	case e.Code == codes.ResourceExhausted && e.RetryAfter > 0 && t.full == nil:
		t.full, t.others = err, true
		return true
	case e.Code == codes.Unavailable:
		return true
	}
	return false
}

// encodeAnywhere is Encode with several servers.
func (c *Client) encodeAnywhere(ctx context.Context, b *Batch, spec []byte, r *Response) error {
	t := &tries{}
	ctx = context.WithValue(c.context(ctx), triesKey{}, t)
	var failed []*departure
	for {
		d := newDeparture(c.codec.heads)
		err := c.conn.Invoke(ctx, api.FrameService_Encode_FullMethodName, &encodeRequest{batch: b, spec: spec, departure: d}, r)
		if err == nil {
			settle(failed)
			return nil
		}
		if ctx.Err() != nil || !t.again(err) {
			if t.full != nil {
				err = t.full // It says when to come again.
			}
			return toError(err)
		}
		failed = append(failed, d)
	}
}

// settle waits until gRPC has done with the frames of tries that failed, so that the caller may change them: its writer, which
// may lag behind the error, has forgotten them then. It does not say so when the connection has broken, or the call had
// ended before; then it reads no more, or only to discard what it has read.
func settle(failed []*departure) {
	if len(failed) == 0 {
		return
	}
	late := time.NewTimer(settling)
	defer late.Stop()
	for _, d := range failed {
		if !d.begun {
			continue
		}
		select {
		case <-d.gone:
		case <-late.C:
			return
		}
	}
}
