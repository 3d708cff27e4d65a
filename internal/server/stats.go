package server

import (
	"time"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
)

// Stats is what a server has done since New, and what it holds now.
type Stats struct {
	Frames       uint64        // encoded
	Failed       uint64        // not encoded
	OpenRequests int           // requests and streams
	Running      int           // batches being encoded
	Waiting      int           // batches that wait for their turn
	RunP50       time.Duration // encoding of a batch
	RunP99       time.Duration
	Pool         pool.Stats
}

// Stats returns the server's counters.
func (s *Server) Stats() Stats {
	m := s.engine.Metrics
	ok, failed := m.Frames()
	run := m.Stage(metrics.Run)
	running, waiting := s.engine.Queue()
	return Stats{
		Frames: ok, Failed: failed, OpenRequests: s.engine.OpenRequests(), Running: running, Waiting: waiting,
		RunP50: run.Quantile(0.50), RunP99: run.Quantile(0.99), Pool: s.engine.Pool.Stats(),
	}
}
