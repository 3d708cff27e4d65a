package server

import (
	"os"
	"runtime/debug"
)

// HeapLimit returns how much memory Go should hold at most for a memory budget: the budget, and for everything but
// frames and images 32 MiB and an eighth of it. Buffers that the pool has dropped stay until the collector runs, and
// without a limit it runs when the heap has doubled.
func HeapLimit(budget int64) int64 { return budget + budget/8 + 32<<20 }

// LimitHeap sets the Go runtime's soft memory limit by limits.memory_budget, unless the environment has one
// (GOMEMLIMIT). It is for the whole process, so that its owner must want it, and holds until restore is called.
func (s *Server) LimitHeap() (restore func()) {
	if text := os.Getenv("GOMEMLIMIT"); text != "" {
		s.log.Info("memory limit", "GOMEMLIMIT", text)
		return func() {}
	}
	limit := HeapLimit(int64(s.config.Limits.MemoryBudget))
	before := debug.SetMemoryLimit(limit)
	s.log.Info("memory limit", "bytes", limit, "memory_budget", s.config.Limits.MemoryBudget.String())
	return func() { debug.SetMemoryLimit(before) }
}
