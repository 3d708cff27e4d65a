// Package pooltest gives tests a pool that tells when they forget to release.
package pooltest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// New returns pool.New(o). When t and its subtests end, t fails if anything of it is still leased or admitted, or was leased
// when the collector took it. The message names the classes.
func New(t testing.TB, o pool.Options) *pool.Pool {
	t.Helper()
	p := pool.New(o)
	t.Cleanup(func() {
		t.Helper()
		if leaks := Leaks(p.Stats()); leaks != "" {
			t.Errorf("pooltest: %s", leaks)
		}
	})
	return p
}

// Leaks says what of a pool at rest was not given back, and is empty when all was.
func Leaks(s pool.Stats) string {
	var found []string
	for _, c := range s.Classes {
		if c.InUse != 0 {
			found = append(found, fmt.Sprintf("%d buffers of %d bytes still leased", c.InUse, c.Size))
		}
		if lost := c.Discards[pool.DiscardLost]; lost != 0 {
			found = append(found, fmt.Sprintf("%d buffers of %d bytes dropped without Release", lost, c.Size))
		}
	}
	if s.Admitted != 0 {
		found = append(found, fmt.Sprintf("%d bytes still admitted", s.Admitted))
	}
	if s.Waiting != 0 {
		found = append(found, fmt.Sprintf("%d calls of Admit still waiting", s.Waiting))
	}
	return strings.Join(found, ", ")
}
