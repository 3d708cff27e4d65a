package mel

import (
	"runtime"
	"testing"

	"github.com/steadyframe/steadyframe/internal/race"
)

// TestMemory: Memory is what Compile and the first sound allocate, or somewhat more.
func TestMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates, too")
	}
	for _, rate := range []int{8000, 11025, 16000, 44100} {
		var kept []*Mel
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		got := 0
		for range 4 {
			for _, preset := range Presets() {
				spec, err := Preset(preset)
				if err != nil {
					t.Fatal(err)
				}
				m, err := Compile(spec, &Options{InputRate: rate})
				if err != nil {
					t.Fatal(err)
				}
				m.Append(nil, make([]float32, rate/4))
				kept, got = append(kept, m), got+m.Memory()
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int(after.HeapAlloc) - int(before.HeapAlloc)
		t.Logf("%d samples a second: Memory says %d bytes of %d", rate, got, held)
		if got < held*9/10 || got > held*2 {
			t.Errorf("%d samples a second: got %d bytes for %d Mels, which hold %d", rate, got, len(kept), held)
		}
		runtime.KeepAlive(kept)
	}
}
