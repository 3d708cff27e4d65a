package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// embedded is a NATS server inside this node, whose only client is this node, with a port for the servers inside other nodes.
type embedded struct {
	*natsLine
	server  *server.Server
	options *server.Options
	routes  config.Addresses
	user    *url.Userinfo
}

// routeUser is how the embedded servers call themselves to each other.
const routeUser = "node"

// patience is how long the embedded server may take to start.
const patience = 30 * time.Second

// embed starts a NATS server inside this node, whose listener is open when it returns. close ends it.
func embed(c config.Config, log *slog.Logger) (*embedded, error) {
	cl := c.Cluster
	e := &embedded{natsLine: newLine(cl.NodeName(), log), routes: cl.Routes}
	o := &server.Options{
		ServerName: cl.NodeName() + " " + strconv.FormatInt(time.Now().UnixNano(), 36), // NATS refuses names that it has; this package judges them.
		// NATS connects to others only when it listens for clients (DontListen has no routes): on this machine, with a password that
		// this process alone knows, and that its own connection, which is a pipe, shows too.
		Host: "127.0.0.1", Port: server.RANDOM_PORT, Username: routeUser, Password: rand.Text(),
		NoSigs: true, NoSystemAccount: true, MaxPayload: MostMessage, MaxPending: 16 << 20, WriteDeadline: 5 * time.Second,
		ConnectErrorReports: 600, ReconnectErrorReports: 60,
	}
	o.ServerName = strings.ReplaceAll(o.ServerName, " ", "-")
	r := &o.Cluster
	r.Name, r.PoolSize, r.ConnectRetries, r.AuthTimeout, r.TLSTimeout = cl.Name, -1, 10, 5, 5
	r.Compression.Mode = server.CompressionOff
	r.PingInterval, r.MaxPingsOut = time.Second, 2
	if cl.Token != "" {
		r.Username, r.Password = routeUser, secretOf(cl)
		e.user = url.UserPassword(r.Username, r.Password)
	}
	listen := cl.Listen
	if listen == config.Off { // NATS connects to others only where it listens.
		listen, r.NoAdvertise = "127.0.0.1:0", true
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("cluster.listen: %w", err)
	}
	r.Host = host
	if r.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("cluster.listen: %w", err)
	}
	switch ip, err := netip.ParseAddr(host); {
	case r.Port == 0:
		r.Port = server.RANDOM_PORT
	case err == nil && !ip.IsUnspecified(): // Else others tell each other the address that its connections come from.
		r.Advertise = listen
	}
	if r.TLSConfig, err = conn.RouteTLS(c, log); err != nil {
		return nil, err
	}
	if r.TLSConfig == nil && config.Exposed(listen) {
		log.Warn("the directory of the cluster crosses the network unencrypted", "setting", "tls.cert", "listen", listen)
	}
	e.options = o
	o.Routes = e.urls(e.routes)
	if e.server, err = server.NewServer(o.Clone()); err != nil {
		return nil, fmt.Errorf("cluster: the embedded NATS does not start: %w", err)
	}
	words := &natsLog{log: log}
	e.server.SetLoggerV2(words, false, false, false)
	e.server.Start()
	for began := time.Now(); !e.server.ReadyForConnections(30 * time.Millisecond); {
		fatal := words.last()
		if fatal == "" && time.Since(began) < patience {
			continue
		}
		e.close()
		return nil, fmt.Errorf("cluster.listen: %s: %s", cl.Listen, cmp.Or(fatal, "the embedded NATS is not ready"))
	}
	if r.Port == server.RANDOM_PORT {
		r.Port = e.server.ClusterAddr().Port
	}
	e.natsLine.options.InProcessServer, e.natsLine.options.User, e.natsLine.options.Password = e.server, o.Username, o.Password
	return e, nil
}

// close ends the server.
func (e *embedded) close() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// address returns where the server takes the connections of others.
func (e *embedded) address() string { return e.server.ClusterAddr().String() }

// connected returns how many other nodes the server is connected to.
func (e *embedded) connected() int { return e.server.NumRoutes() }

// urls returns addresses as NATS wants them.
func (e *embedded) urls(addresses []string) (urls []*url.URL) {
	for _, a := range addresses {
		urls = append(urls, &url.URL{Scheme: "nats-route", User: e.user, Host: a})
	}
	return urls
}

// Run is that of Transport.
func (e *embedded) Run(ctx context.Context, subjects []string, hear func(string, []byte), lost func(error)) error {
	defer e.close()
	looking, endLooking := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer endLooking()
	running.Go(func() { e.look(looking) })
	return e.natsLine.Run(ctx, subjects, hear, func(err error) {
		if err == nil {
			lost(nil)
		}
		// The pipe to the server in this process breaks when its routes change, and is back at once. Were it not, the Directory would
		// not hear itself.
	})
}

const (
	// lookUp is how often names of cluster.routes are looked up while fewer nodes are connected than they have addresses, or none.
	lookUp = 2 * time.Second
	// lookUpRarely is how often otherwise.
	lookUpRarely = 30 * time.Second
)

// look looks up the names of cluster.routes, until ctx ends: NATS connects to one address of a name, and to itself if that is its
// own. So nodes that start at the same time, by one name for all of them, would find only some of the others, or none.
func (e *embedded) look(ctx context.Context) {
	if !slices.ContainsFunc(e.routes, isName) {
		return
	}
	var had []string
	for {
		found := e.addresses(ctx)
		if len(found) > 0 && !slices.Equal(found, had) {
			o := e.options.Clone()
			o.Routes = e.urls(append(slices.Clone(e.routes), found...))
			if err := e.server.ReloadOptions(o); err != nil {
				e.log.Warn("the routes of the cluster stay as they were", "setting", "cluster.routes", "err", err)
			} else {
				had = found
			}
		}
		again := lookUp
		if n := e.connected(); n > 0 && n >= len(found)-1 {
			again = lookUpRarely
		}
		_ = pause.For(ctx, again)
		if ctx.Err() != nil {
			return
		}
	}
}

// isName reports whether address has a name, and not an IP address.
func isName(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	_, err := netip.ParseAddr(host)
	return err != nil
}

// lookUpHost returns the addresses of a name.
var lookUpHost = net.DefaultResolver.LookupHost

// mostAddresses bounds the addresses of a name.
const mostAddresses = 1024

// addresses returns all addresses of the names in cluster.routes, sorted, none where one cannot be looked up.
func (e *embedded) addresses(ctx context.Context) (all []string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, route := range e.routes {
		host, port, _ := net.SplitHostPort(route)
		if !isName(route) {
			continue
		}
		found, err := lookUpHost(ctx, host)
		if err != nil {
			return nil
		}
		for _, a := range found[:min(len(found), mostAddresses)] {
			all = append(all, net.JoinHostPort(a, port))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// natsLog passes what the embedded server logs on. Its errors are those of single connections, and it goes on.
type natsLog struct {
	log   *slog.Logger
	mu    sync.Mutex
	fatal string
}

func (l *natsLog) pass(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "NATS: "+fmt.Sprintf(format, v...))
}
func (l *natsLog) Noticef(format string, v ...any) { l.pass(slog.LevelDebug, format, v) }
func (l *natsLog) Warnf(format string, v ...any)   { l.pass(slog.LevelDebug, format, v) }
func (l *natsLog) Errorf(format string, v ...any)  { l.pass(slog.LevelWarn, format, v) }
func (l *natsLog) Debugf(format string, v ...any)  { l.pass(slog.LevelDebug, format, v) }
func (l *natsLog) Tracef(format string, v ...any)  { l.pass(slog.LevelDebug, format, v) }
func (l *natsLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = fmt.Sprintf(format, v...)
}

// last returns why the server could not start.
func (l *natsLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}
