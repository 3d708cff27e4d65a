package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/redact"
)

// Cluster says which other servers this one is a node with. Without name and origins it is none.
type Cluster struct {
	Name      string    `yaml:"name" doc:"the cluster that this server is a node of: nodes with one name find each other's live streams; empty: none"`
	Node      string    `yaml:"node" doc:"this node's name in the cluster, which no other node has; empty: the machine's name"`
	NATS      string    `yaml:"nats" bounds:"embedded, or URLs" doc:"what carries the directory of streams: embedded, a NATS server inside each node, or the servers of a NATS of your own, as nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ where it wants them, separated by commas; images never go through it"`
	Listen    string    `yaml:"listen" doc:"where the embedded NATS takes the connections of other nodes: host:port, or off for a node that only connects to others"`
	Routes    Addresses `yaml:"routes" doc:"other nodes' cluster.listen, as HOST:PORT, separated by commas; one of them is enough, and this node itself may be among them; all addresses of a name count"`
	Advertise string    `yaml:"advertise" doc:"where other nodes reach this one's gRPC API, as HOST:PORT; empty: grpc.listen, where that is one address"`
	Token     string    `yaml:"token" doc:"what the nodes of the cluster, and no others, know: with it they may view every stream, and nothing else"`
	CA        string    `yaml:"ca" doc:"a PEM file with the certificates of authorities to trust for other nodes and for NATS; empty: the system's, those of tls.client_ca, and tls.cert itself"`
	Origins   Addresses `yaml:"origins" doc:"servers whose live streams are shown here, by their gRPC APIs, as HOST:PORT, separated by commas; for a few servers, without NATS"`
	MaxEdges  int       `yaml:"max_edges" bounds:"1..1000" doc:"other nodes that this one sends one stream to; further ones get it from those"`
}

// Embedded as cluster.nats stands for a NATS server inside the node.
const Embedded = "embedded"

// Enabled reports whether the server is a node of a cluster, or shows streams of other servers.
func (c Cluster) Enabled() bool { return c.Name != "" || len(c.Origins) > 0 }

// NodeName returns the name of this node: the machine's where the setting is empty, as far as a name may have its characters.
func (c Cluster) NodeName() string {
	if c.Node != "" {
		return c.Node
	}
	host, err := os.Hostname()
	if err != nil || checkNodeName(strings.ToLower(host)) != nil {
		return "node"
	}
	return strings.ToLower(host)
}

// CheckNodeName returns an error unless name can be that of a node or of a cluster: 1 to 64 of a-z 0-9 _ - and of dots that
// stand between others.
func CheckNodeName(name string) error { return checkNodeName(name) }

func checkNodeName(name string) error {
	if name == "" || len(name) > maxGlob || !isLabels(name) {
		return fmt.Errorf("got %.80q, want 1 to %d of a-z 0-9 _ - and of dots between them", name, maxGlob)
	}
	return nil
}

// Addresses are addresses of other servers, HOST:PORT. Their text is a list with commas.
type Addresses []string

// String returns the text of a.
func (a Addresses) String() string { return strings.Join(a, ",") }

// MarshalText returns the text of a.
func (a Addresses) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText sets a to what text says.
func (a *Addresses) UnmarshalText(text []byte) error {
	var list Addresses
	for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		if err := CheckAddress(part); err != nil {
			return err
		}
		list = append(list, part)
	}
	*a = list
	return nil
}

// maxAddress is the longest HOST:PORT: a name of DNS has 253 characters at most.
const maxAddress = 260

// CheckAddress returns an error unless address is HOST:PORT: where to reach another server.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		var n uint64
		if n, err = strconv.ParseUint(port, 10, 16); err == nil && n == 0 {
			err = strconv.ErrRange
		}
	}
	if err != nil || len(address) > maxAddress || !isHostName(strings.ToLower(host)) {
		return fmt.Errorf("got %.80q, want HOST:PORT, such as 10.0.0.5:50051", address)
	}
	return nil
}

// Advertised returns where other nodes reach the gRPC API that listens at grpc, which is that of grpc.listen with the port that it got.
func (c Cluster) Advertised(grpc string) string { return cmp.Or(c.Advertise, grpc) }

// checkCluster checks what says which cluster the server is a node of.
func checkCluster(c Config) *ValueError {
	cl := c.Cluster
	if cl.Token == tokenSet {
		return wrong("cluster.token", "got %s, which only stands for a token where settings are shown: want the token", tokenSet)
	}
	if strings.ContainsFunc(cl.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("cluster.token", "got a token with a space or a character outside ASCII, want none")
	}
	if cl.Token != "" && cl.Token == c.Auth.Token {
		return wrong("cluster.token", "got auth.token, with which one may do everything: want another one, which may view streams alone")
	}
	if cl.Node != "" {
		if err := checkNodeName(cl.Node); err != nil {
			return wrong("cluster.node", "%v", err)
		}
	}
	if cl.Name == "" {
		for _, needs := range []struct {
			key string
			set bool
		}{{"cluster.routes", len(cl.Routes) > 0}, {"cluster.advertise", cl.Advertise != ""}, {"cluster.nats", cl.NATS != Embedded}} {
			if needs.set {
				return wrong("cluster.name", "got none with %s, want the name that all nodes of the cluster have", needs.key)
			}
		}
		return nil
	}
	if err := checkNodeName(cl.Name); err != nil {
		return wrong("cluster.name", "%v", err)
	}
	if err := checkNATS(cl); err != nil {
		return err
	}
	return checkAdvertise(c)
}

// checkNATS checks what carries the directory.
func checkNATS(c Cluster) *ValueError {
	if c.NATS != Embedded {
		if len(c.Routes) > 0 {
			return wrong("cluster.routes", "got %s with a cluster.nats of its own, want cluster.nats: embedded, or no routes", c.Routes)
		}
		for server := range strings.SplitSeq(c.NATS, ",") {
			u, err := url.Parse(server)
			if err == nil && redact.HasMask(server) {
				return wrong("cluster.nats", "got %q, where %s only stands for a secret where settings are shown: want the secret", server, redact.Mask)
			}
			if err == nil && u.User != nil {
				if password, _ := u.User.Password(); password == "" { // A user alone would be shown.
					return wrong("cluster.nats", "got a user without a password, want nats://USER:PASSWORD@HOST:PORT, or nats://:TOKEN@HOST:PORT")
				}
			}
			if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || CheckAddress(u.Host) != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
				return wrong("cluster.nats", "got %q, want embedded, or nats://HOST:PORT or tls://HOST:PORT, separated by commas", redact.URL(server))
			}
		}
		return nil
	}
	if c.Listen != Off {
		host, port, err := net.SplitHostPort(c.Listen)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil || host != "" && !isHostName(strings.ToLower(host)) {
			return wrong("cluster.listen", "got %q, want host:port or off", c.Listen)
		}
	} else if len(c.Routes) == 0 {
		return wrong("cluster.routes", "got none with cluster.listen: off, want the cluster.listen of another node: no node would find this one")
	}
	return nil
}

// checkAdvertise checks that other nodes can reach this one.
func checkAdvertise(c Config) *ValueError {
	if c.GRPC.Listen == Off || strings.HasPrefix(c.GRPC.Listen, "unix:") {
		return wrong("grpc.listen", "got %s with cluster.name, want host:port: other nodes take streams over gRPC", c.GRPC.Listen)
	}
	if c.Cluster.Advertise != "" {
		if err := CheckAddress(c.Cluster.Advertise); err != nil {
			return wrong("cluster.advertise", "%v", err)
		}
		return nil
	}
	host, _, err := net.SplitHostPort(c.GRPC.Listen)
	if ip, parseErr := netip.ParseAddr(host); err == nil && (host == "" || parseErr == nil && ip.IsUnspecified()) {
		return wrong("cluster.advertise", "got none, and grpc.listen, %s, is of all addresses of this machine: want the HOST:PORT where other nodes reach it", c.GRPC.Listen)
	}
	return nil
}

// checkClusterExposure refuses an embedded NATS that other machines reach while everybody may be a node.
func checkClusterExposure(c Config) *ValueError {
	cl := c.Cluster
	if cl.Name == "" || cl.NATS != Embedded || !Exposed(cl.Listen) || cl.Token != "" || c.Auth.Insecure {
		return nil
	}
	return wrong("cluster.listen", "got %s, where other machines reach it, and any of them may be a node: set cluster.token (STEADYFRAME_CLUSTER_TOKEN), the same on all nodes, "+
		"or listen on 127.0.0.1; if all of the network may be nodes, set auth.insecure (--insecure)", cl.Listen)
}

// shown returns c without secrets, as settings are shown.
func (c Cluster) shown() Cluster {
	if c.Token != "" {
		c.Token = tokenSet
	}
	servers := strings.Split(c.NATS, ",")
	for n, server := range servers {
		servers[n] = redact.URL(server)
	}
	c.NATS = strings.Join(servers, ",")
	return c
}
