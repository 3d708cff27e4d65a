package httpapi

import (
	"errors"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// FuzzParseMelQuery: whatever the query, what is accepted is whole, and what is refused names a parameter.
func FuzzParseMelQuery(f *testing.F) {
	f.Add("preset=wav2lip&format=s16le&rate=16000&channels=2&output=json")
	f.Add("preset=whisper80&layout=bands")
	f.Add("preset=wav2lip&fps=25&window=16&stream=false")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseMelQuery(raw)
		if err != nil {
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Field == "" {
				t.Fatalf("%q: got %#v, want an Invalid fault with a field", raw, err)
			}
			return
		}
		described := q.pcm.Rate != 0
		if q.preset == "" || (q.layout.FPS == 0) != (q.layout.Window == 0) || described && q.pcm.MomentBytes() < 1 {
			t.Fatalf("%q: got %+v", raw, q)
		}
	})
}
