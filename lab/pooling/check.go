package pooling

import "fmt"

// Finding is something that an option did and must not do. What it measured is worth nothing then.
type Finding struct {
	Option string `json:"option"`
	Mode   Mode   `json:"mode"`
	Kind   string `json:"kind"` // corrupt, leaks or does not reuse
	Text   string `json:"text"` // "corrupt: 3 of 1200 frames"
}

// The kinds of findings.
const (
	Corrupt     = "corrupt"        // JPEGs that are not those of their frames
	Leaks       = "leaks"          // what lives on the heap grows from batch to batch
	NoReuse     = "does not reuse" // an option that keeps what is put back makes what it lends nevertheless
	bytesPerMiB = 1 << 20
)

// leakSlack is by how much what lives on the heap may grow beyond what an option holds by design: what the Go runtime and the
// measurement have of their own.
const leakSlack = 2 << 20

// findings returns what is wrong with an option, of all its turns in a mode. A turn is one with the settings t.
func findings(o Option, t *turn, results []turnResult) (found []Finding) {
	add := func(kind, format string, args ...any) {
		found = append(found, Finding{o.Name, t.Mode, kind, kind + ": " + fmt.Sprintf(format, args...)})
	}
	w := t.Size.workload()
	var frames, corrupt int
	var leak, waste *turnResult
	for i := range results {
		r := &results[i]
		frames += r.Frames
		corrupt += r.Corrupt
		if r.Growth > int64(leakSlack+o.holds*w.frameBytes()) && (leak == nil || r.Growth > leak.Growth) {
			leak = r
		}
		if o.keeps && r.wasteful(&w) && (waste == nil || r.BytesPerFrame > waste.BytesPerFrame) {
			waste = r
		}
	}
	if corrupt > 0 {
		add(Corrupt, "%d of %d frames are not what they must be", corrupt, frames)
	}
	if leak != nil {
		add(Leaks, "%.1f MiB more live after %d batches, without any in work", float64(leak.Growth)/bytesPerMiB, leak.GrowthOver)
	}
	if waste != nil {
		add(NoReuse, "%.0f of the %d bytes of a frame's buffers were made anew", min(waste.BytesPerFrame, float64(w.frameBytes())), w.frameBytes())
	}
	return found
}

// stormCollections is how many collections a batch must see that are a storm: what an option drops brings about one or two.
const stormCollections = 4

// wasteful reports whether most of what was lent was made anew, and no storm of collections is to blame, as under a memory
// limit that nothing fits in: they empty what is a sync.Pool.
func (r *turnResult) wasteful(w *workload) bool {
	return r.BytesPerFrame > float64(w.frameBytes())/2 && r.Collections < stormCollections*float64(r.Batches)
}
