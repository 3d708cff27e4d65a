//go:build !unix

package server_test

import "time"

// cpuTime returns 0: how to ask for the processor time is not known here.
func cpuTime() time.Duration { return 0 }
