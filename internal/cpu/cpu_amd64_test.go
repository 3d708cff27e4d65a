//go:build !purego

package cpu

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// flags are what /proc/cpuinfo must list for a level, by Linux' names.
var flags = map[impl.Level]string{
	impl.AVX2:   "avx2 bmi1 bmi2 f16c abm popcnt",
	impl.AVX512: "avx512f avx512bw avx512dq avx512vl avx512vbmi avx512_vbmi2 avx512_vnni",
}

// TestLevelIsTheProcessors compares with what Linux says of the processor: it has read the same registers by other code.
func TestLevelIsTheProcessors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc/cpuinfo")
	}
	if strings.Contains(os.Getenv("GODEBUG"), "cpu.") {
		t.Skip("GODEBUG switches instructions off")
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	has := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, list, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "flags" {
			for _, flag := range strings.Fields(list) {
				has[flag] = true
			}
			break
		}
	}
	missing := func(flag string) bool { return !has[flag] }
	want := impl.Generic
	for _, l := range []impl.Level{impl.AVX2, impl.AVX512} {
		if slices.ContainsFunc(strings.Fields(flags[l]), missing) {
			break
		}
		want = l
	}
	if got := Level(); got != want {
		t.Errorf("got %v, want %v by /proc/cpuinfo", got, want)
	}
}
