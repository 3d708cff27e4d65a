package cpu

import (
	"os"
	"runtime"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// TestExpectedLevel fails where the level is not the one that STEADYFRAME_EXPECT_LEVEL names. Who knows the machine
// (a job of continuous integration, scripts/test-levels) sets it: kernels that are silently not chosen are tested by
// nothing and cost all their speed.
func TestExpectedLevel(t *testing.T) {
	name := os.Getenv("STEADYFRAME_EXPECT_LEVEL")
	if name == "" {
		t.Skip("STEADYFRAME_EXPECT_LEVEL is not set")
	}
	want, err := impl.ParseLevel(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := Level(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestHas wants the levels of this architecture up to Level, and no others.
func TestHas(t *testing.T) {
	tests := map[string][]impl.Level{
		"amd64": {impl.Generic, impl.AVX2, impl.AVX512},
		"arm64": {impl.Generic, impl.NEON},
	}
	ours, found := tests[runtime.GOARCH]
	if !found {
		ours = []impl.Level{impl.Generic}
	}
	want := map[impl.Level]bool{}
	for _, l := range ours {
		want[l] = l <= Level()
	}
	for l := impl.Max; l <= impl.AVX512; l++ {
		if got := Has(l); got != want[l] {
			t.Errorf("%v: got %v, want %v", l, got, want[l])
		}
	}
}
