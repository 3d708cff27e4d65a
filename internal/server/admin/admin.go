// Package admin is the API for operators: health, metrics, profiles and the state of the pools. It belongs on a
// listener that clients cannot reach.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// healthTimeout is how long encoding a tiny frame may take before the server counts as broken.
const healthTimeout = 2 * time.Second

// NewHandler returns the admin API of e, whose ring is at an address; empty: there is none. On this machine everybody may use it, and
// where others reach the listener those whom who knows, with the scope admin. Web pages of other origins may not use it: a profile
// costs time, and its contents are for operators alone.
func NewHandler(e *engine.Engine, who *auth.Checker, log *slog.Logger, ring string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeoutCause(r.Context(), healthTimeout, errors.New("a tiny frame took too long"))
		defer cancel()
		report(w, log, "healthz", e.SelfTest(ctx))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		err := e.Ready()
		report(w, log, "readyz", err)
		if err == nil && ring != "" {
			fmt.Fprintln(w, "ring", ring)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.Metrics.Registry, promhttp.HandlerOpts{Registry: e.Metrics.Registry}))
	mux.HandleFunc("GET /debug/pools", func(w http.ResponseWriter, r *http.Request) { servePools(w, r, e.Pool.Stats(), e.Account.Read()) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", serveCommandLine)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "/healthz\n/readyz\n/metrics\n/debug/pools\n/debug/pprof/\n")
	})
	if !config.Exposed(e.Config.Admin.Listen) {
		who = nil
	}
	pages, hosts := auth.NewOrigins(nil), auth.NewHosts(e.Config.HTTP.Hosts, e.Config.Admin.Listen)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if err := hosts.Check(r); err != nil {
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		if err := pages.Check(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" { // These are for load balancers, and reveal nothing.
			if err := authorize(who, r); err != nil {
				status := http.StatusUnauthorized
				switch fault.From(err).Kind {
				case fault.Busy:
					status = http.StatusTooManyRequests
				case fault.Forbidden:
					status = http.StatusForbidden
				default:
					w.Header().Set("WWW-Authenticate", "Bearer")
				}
				http.Error(w, err.Error(), status)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// authorize returns nil if the caller of r may use the admin API, else a *fault.Error.
func authorize(who *auth.Checker, r *http.Request) error {
	id, err := who.HTTP(r)
	if err != nil {
		return err
	}
	err = id.May(config.Admin, "")
	if err != nil || r.URL.Path != "/metrics" { // Prometheus asks again and again.
		id.Did(config.Admin, r.URL.Path, r.RemoteAddr, err)
	}
	return err
}

// serveCommandLine writes the command line as net/http/pprof does, but without the passwords and tokens in it.
func serveCommandLine(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, strings.Join(redact.Args(os.Args), "\x00"))
}

// report responds with ok, or with 503 and err.
func report(w http.ResponseWriter, log *slog.Logger, what string, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		log.Debug("health check failed", "check", what, "reason", err.Error())
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}
