package server

import (
	"os"
	"runtime"
)

// SpareProcs lets Go use some more threads than there are processors, unless GOMAXPROCS is set or a quota leaves the process
// fewer than the machine has. Workers keep the processors busy for long; goroutines that read and write sockets would have
// to wait for them, 10 ms each time. With threads of their own, the system sees to it that they run at once. It is for the
// whole process, after New, and holds until restore is called.
func (s *Server) SpareProcs() (restore func()) {
	n := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") != "" || n < runtime.NumCPU() {
		return func() {}
	}
	runtime.GOMAXPROCS(n + max(2, n/4))
	return func() { runtime.GOMAXPROCS(n) }
}
