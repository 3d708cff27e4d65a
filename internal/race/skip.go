package race

import "testing"

// SkipSequential skips t under the race detector, which makes it many times as slow: t works on one goroutine, where there
// is nothing to race with.
func SkipSequential(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("one goroutine: nothing to race with")
	}
}
