package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/doctor"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// serveCmd is steadyframe serve.
type serveCmd struct{ settings }

// Help is the longer text of steadyframe serve --help.
func (serveCmd) Help() string {
	return `Takes raw frames over gRPC (steadyframe.v1.FrameService) and HTTP (POST /v1/encode) and responds with JPEGs. It listens
on loopback only unless told otherwise; steadyframe check-config lists all settings. Where other machines can reach it, it starts
only with a token (auth.token), or with --insecure.

SIGTERM, SIGINT or SIGHUP: the server answers the requests in flight, for drain_timeout at most, and ends with exit code 0. A
second signal ends it at once. If something does not end, the process exits with code 1 a second after drain_timeout.

Under a service manager such as systemd it says when it is ready (sd_notify), and takes sockets that the manager opened, with the
names http, grpc, rtsp, ring and admin, in place of those settings.

Standard output says where the page is, for a browser, and the ring, for programs on this machine. Logs go to standard error.

Give secrets in a file (--config, readable by the server's user alone) or in the environment, not with --set: every user of
the machine can read the command line.

Examples:
  steadyframe serve
  steadyframe serve --set limits.max_batch=32
  STEADYFRAME_AUTH_TOKEN=$(cat token) steadyframe serve --http 0.0.0.0:8080
  steadyframe serve --set http.cors_origins=https://dashboard.example`
}

// Run serves until ctx ends and the server has drained.
func (c *serveCmd) Run(ctx context.Context) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	sockets, err := cli.PassedSockets()
	if err != nil {
		return err
	}
	s, log, err := newServer(loaded, sockets)
	if err != nil {
		return err
	}
	for _, secret := range config.OpenSecrets(loaded, c.Config) {
		log.Warn("everybody on this machine may read a secret", "setting", secret.Setting, "file", secret.File, "advice", secret.Advice())
	}
	introduce(os.Stdout, s.Addrs(), loaded.TLS.Cert != "")
	defer s.LimitHeap()()
	defer s.SpareProcs()()
	defer cli.TellManager(ctx, log, s.SelfTest)()
	return s.Run(ctx)
}

// introduce says where a person finds the server, and programs on this machine the ring. The log has all addresses.
func introduce(out io.Writer, a server.Addrs, secure bool) {
	if page := cli.PageURL(a.HTTP, secure); page != "" {
		fmt.Fprintf(out, "page  %s\n", page)
	}
	if a.Ring != "" {
		fmt.Fprintf(out, "ring  %s\n", a.Ring)
	}
}

// newServer returns a server with its listeners open, those that were passed among them, and its logger.
func newServer(c server.Config, passed server.Sockets) (*server.Server, *slog.Logger, error) {
	log, err := newLogger(c)
	if err != nil {
		return nil, nil, &cli.UsageError{Err: err}
	}
	s, err := server.NewOn(c, passed, log)
	if err != nil {
		return nil, nil, listenAdvice(err)
	}
	return s, log, nil
}

// listenAdvice returns err with what to do where a listener could not be opened.
func listenAdvice(err error) error {
	var op *net.OpError
	network := "tcp"
	if errors.As(err, &op) {
		network = op.Net
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		who := "does a server run already? sudo steadyframe doctor says who has it."
		if op != nil && op.Addr != nil {
			if holder := doctor.Holder(os.DirFS("/"), network, op.Addr.String()); holder != "" {
				who = holder + " has it."
			}
		}
		return fmt.Errorf("%w; %s Other addresses: --http, --grpc, --admin", err, who)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; choose %s: --http, --grpc, --admin", err, doctor.Permission(network))
	case network == "unix" && errors.Is(err, syscall.ENOENT):
		folder := "its folder"
		if op != nil && op.Addr != nil {
			folder = filepath.Dir(op.Addr.String())
		}
		return fmt.Errorf("%w; make its folder first: mkdir -p %s", err, folder)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; this machine has no such address: 0.0.0.0 is all of them", err)
	}
	return err
}

// newLogger returns the logger to standard error that the settings ask for.
func newLogger(c server.Config) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
}
