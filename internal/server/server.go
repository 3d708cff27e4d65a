package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/admin"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/grpcapi"
	"github.com/steadyframe/steadyframe/internal/server/httpapi"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/server/ring"
	"github.com/steadyframe/steadyframe/internal/server/rtsp"
	"github.com/steadyframe/steadyframe/pool"
)

// Server is a Steadyframe server. New opens its listeners, Run serves on them.
type Server struct {
	config    Config
	log       *slog.Logger
	engine    *engine.Engine
	live      *live.Live
	apis      []api
	directory *cluster.Directory // nil: the server is alone
	addrs     Addrs
	// cutTime is how long what was cut at drain_timeout may take to end.
	cutTime time.Duration
	// background runs beside the APIs, until the server drains.
	background []func(context.Context)
}

// Addrs are the addresses that a server listens on; an empty one is off. A port 0 is replaced by the real one.
type Addrs struct{ HTTP, GRPC, Ring, RTSP, Admin string }

// api is one listener and what serves it.
type api struct {
	name     string
	listener *conn.Listener
	serve    func(net.Listener) error
	shutdown func(context.Context) // ends serve; what is left when the context ends is cut
}

// New returns a server with the settings c, which must be valid, whose listeners are open. An error names the setting
// whose listener could not be opened. Run must be called: it is what closes them.
func New(c Config, log *slog.Logger) (*Server, error) { return newServer(c, log, options{}) }

// options are what is not a setting, yet or for good.
type options struct {
	check     *pool.Check     // makes the pool a checked one
	tls       *tls.Config     // of all listeners; nil: connections are plain
	without   grpcapi.Without // what gRPC does without of what grpc-go does not promise
	cutTime   time.Duration   // 0 is the constant of that name
	sockets   Sockets
	transport cluster.Transport // of the directory; nil: that of the settings
}

// newServer is New with options.
func newServer(c Config, log *slog.Logger, o options) (*Server, error) {
	c, err := o.sockets.settings(c)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: c, log: log, cutTime: cmp.Or(o.cutTime, cutTime)}
	if err := s.open(o); err != nil {
		s.closeListeners()
		return nil, err
	}
	return s, nil
}

// open opens the listeners and makes the APIs.
func (s *Server) open(o options) error {
	c := s.config
	listening := conn.Options{MaxConnections: c.Limits.MaxConnections, TLS: o.tls, UnixTLS: o.tls != nil, Log: s.log, Passed: o.sockets.bySetting()}
	if c.TLS.Cert != "" {
		own, err := conn.LoadTLS(c.TLS, s.log)
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		listening.TLS, listening.UnixTLS = own, false
	}
	if err := s.listen(listening); err != nil {
		return err
	}

	s.engine = engine.New(c, metrics.New(), o.check)
	s.engine.Metrics.Registry.MustRegister(metrics.NewListeners(s.listeners()))
	if err := s.loadScenes(); err != nil {
		s.engine.Close()
		return err
	}
	s.engine.Traffic = s.traffic
	var err error
	if s.live, err = live.New(s.engine, s.log); err != nil {
		return err
	}
	if err := s.join(o); err != nil {
		return err
	}
	who, err := auth.New(c, s.log)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.background = append(s.background, who.Run)
	for i := range s.apis {
		a := &s.apis[i]
		switch a.name {
		case "http":
			h := httpapi.NewHandler(s.engine, s.live, who, s.log)
			if s.directory != nil {
				h.Join(httpapi.Cluster{Name: c.Cluster.Name, Directory: s.directory})
			}
			s.background = append(s.background, h.Record)
			serve, shutdown := httpapi.Serve(s.engine, h, s.log)
			a.serve, a.shutdown = serve, func(ctx context.Context) { shutdown(ctx); h.Wait(ctx) }
		case "grpc":
			g := grpcapi.New(s.engine, s.live, who, s.log, o.without)
			a.serve, a.shutdown = g.Serve, g.Shutdown
		case "ring":
			r := ring.New(s.engine, s.live, s.log)
			a.serve, a.shutdown = r.Serve, r.Shutdown
		case "rtsp":
			r, err := rtsp.New(s.engine, s.live, who, s.log, a.listener, listening.TLS != nil)
			if err != nil {
				return err
			}
			a.serve, a.shutdown = func(net.Listener) error { return r.Serve() }, r.Shutdown
		case "admin":
			a.serve, a.shutdown = httpapi.Serve(s.engine, admin.NewHandler(s.engine, who, s.log, s.addrs.Ring), s.log)
		}
	}
	return nil
}

// listen opens the listeners of the settings.
func (s *Server) listen(o conn.Options) error {
	c := s.config
	for _, l := range []struct {
		name, address string
		at            *string
	}{
		{"http", c.HTTP.Listen, &s.addrs.HTTP}, {"grpc", c.GRPC.Listen, &s.addrs.GRPC}, {"ring", c.Ring.Listen, &s.addrs.Ring},
		{"rtsp", c.RTSP.Listen, &s.addrs.RTSP}, {"admin", c.Admin.Listen, &s.addrs.Admin},
	} {
		var listener *conn.Listener
		var err error
		if l.name == "ring" { // Its socket has rules of its own.
			listener, err = listenRing(c.Ring, o, s.log)
		} else {
			listener, err = conn.Listen(l.name+".listen", l.address, o)
		}
		if err != nil {
			return err
		}
		s.add(l.name, listener, l.at)
	}
	return nil
}

// join makes the server a node of its cluster, if the settings name one.
func (s *Server) join(o options) error {
	c := s.config
	if !c.Cluster.Enabled() {
		return nil
	}
	self := cluster.Node{Name: c.Cluster.NodeName(), Address: c.Cluster.Advertised(s.addrs.GRPC), Version: httpapi.Version(), Started: time.Now()}
	d, err := cluster.New(c, self, cluster.Options{
		Log: s.log, Local: s.live.Local, Counts: s.live.Counts, Taken: s.live.Taken, Moved: s.live.Moved, Transport: o.transport,
	})
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.directory = d
	s.engine.Metrics.Registry.MustRegister(metrics.NewCluster(c.Cluster.Name, func() metrics.ClusterStats { return clusterStats(d) }))
	s.live.Join(live.Cluster{Directory: d, Node: self.Name, Token: c.Cluster.Token, TLS: d.TLS(), MaxEdges: c.Cluster.MaxEdges})
	s.log.Info("a node of a cluster", "cluster", c.Cluster.Name, "node", self.Name, "address", self.Address, "directory", d.State().Kind, "listen", d.Listening())
	s.background = append(s.background, d.Run)
	return nil
}

// loadScenes loads the scenes of the settings.
func (s *Server) loadScenes() error {
	for _, name := range slices.Sorted(maps.Keys(s.config.Scenes)) {
		began := time.Now()
		if err := s.engine.LoadSceneDir(context.Background(), name, s.config.Scenes[name]); err != nil {
			return fmt.Errorf("server: scenes.%s: %w", name, err)
		}
		s.log.Info("scene loaded", "scene", name, "folder", s.config.Scenes[name], "took", time.Since(began).Round(time.Millisecond).String())
	}
	return nil
}

// add adds an API for l, if it is not off, and says in addr where it is.
func (s *Server) add(name string, l *conn.Listener, addr *string) {
	if l == nil {
		return
	}
	*addr = addressOf(l)
	s.apis = append(s.apis, api{name: name, listener: l})
}

// listeners returns the counters of each API's connections, for metrics.
func (s *Server) listeners() (known []metrics.Listener) {
	for _, a := range s.apis {
		known = append(known, metrics.Listener{Name: a.name, Open: a.listener.Open, Refused: a.listener.Refused, Evicted: a.listener.Evicted, Bytes: a.listener.Bytes})
	}
	return known
}

// traffic returns the bytes that all APIs but admin have received and sent, and those of images from other servers.
func (s *Server) traffic() (in, out int64) {
	for _, a := range s.apis {
		if a.name != "admin" && a.listener != nil { // tests have APIs without
			i, o := a.listener.Bytes()
			in, out = in+i, out+o
		}
	}
	return in + int64(s.engine.Metrics.PulledBytes()), out
}

func (s *Server) closeListeners() {
	s.directory.Close()
	for _, a := range s.apis {
		_ = a.listener.Close() // Nothing was accepted from it.
	}
}

// Addrs returns the addresses that the server listens on.
func (s *Server) Addrs() Addrs { return s.addrs }

// Run serves until ctx ends, then drains: the server is no longer ready, requests in flight are answered, and those that take
// longer than drain_timeout are cut. It returns nil after that, or the error of an API that could not go on. Where something
// does not end even then, it returns an error all the same, a second later: the process should end. Run may be called once.
func (s *Server) Run(ctx context.Context) error {
	s.log.Info("serving", "http", s.addrs.HTTP, "grpc", s.addrs.GRPC, "ring", s.addrs.Ring, "rtsp", s.addrs.RTSP, "admin", s.addrs.Admin, "memory_budget", s.config.Limits.MemoryBudget.String(),
		"max_message_bytes", s.config.Limits.MaxMessageBytes.String(), "workers", s.engine.Workers(), "tls", s.config.TLS.Cert != "", "auth", s.config.AuthRequired())
	if s.config.TLS.Cert == "" && (config.Exposed(s.config.HTTP.Listen) || config.Exposed(s.config.GRPC.Listen) || config.Exposed(s.config.RTSP.Listen)) {
		s.log.Warn("frames, images and tokens cross the network unencrypted, unless a proxy is in front", "setting", "tls.cert")
	}
	if s.config.Auth.Insecure && !s.config.AuthRequired() {
		s.log.Warn("everybody who reaches the server may use it", "setting", "auth.insecure")
	}
	failed := make(chan error, len(s.apis))
	var serving sync.WaitGroup
	living, endLive := context.WithCancel(context.Background())
	serving.Go(func() { s.live.Run(living) })
	serving.Go(func() { s.engine.Maintain(living) })
	for _, f := range s.background {
		serving.Go(func() { f(living) })
	}
	shedding, endShedding := context.WithCancel(context.Background())
	defer endShedding() // Not before the responses have left.
	go s.engine.Shed(shedding)
	for _, a := range s.apis {
		serving.Go(func() {
			if err := a.serve(a.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("server: %s: %w", a.name, err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	start, timeout := time.Now(), time.Duration(s.config.DrainTimeout)
	deadline := time.NewTimer(timeout + s.cutTime)
	defer deadline.Stop()
	ended := make(chan struct{})
	var complete bool
	go func() {
		defer close(ended)
		complete = s.drain(timeout, endLive)
		serving.Wait()
		s.engine.Close()
	}()
	select {
	case <-ended:
		s.log.Info("drained", "took", time.Since(start).Round(time.Millisecond).String(), "complete", complete)
		if err == nil {
			s.log.Info("stopped")
		}
		return err
	case <-deadline.C:
		running, _ := s.engine.Queue()
		s.log.Error("giving up on requests that do not end", "drain_timeout", timeout.String(), "open_requests", s.engine.OpenRequests(), "running_batches", running)
		return errors.Join(err, fmt.Errorf("server: work has not ended within drain_timeout (%v) and was given up", timeout))
	}
}

// cutTime is Server.cutTime of New.
const cutTime = time.Second

// drain ends live streams, which have no end of their own, then all APIs, admin last, so that it can be asked meanwhile. It
// reports whether all requests ended in time.
func (s *Server) drain(timeout time.Duration, endLive func()) (complete bool) {
	s.log.Info("draining", "open_requests", s.engine.OpenRequests(), "drain_timeout", timeout.String())
	s.engine.Drain()
	endLive()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var ending sync.WaitGroup
	for _, a := range s.apis {
		if a.name != "admin" {
			ending.Go(func() { a.shutdown(ctx) })
		}
	}
	ending.Wait()
	for _, a := range s.apis {
		if a.name == "admin" {
			a.shutdown(ctx)
		}
	}
	return ctx.Err() == nil
}
