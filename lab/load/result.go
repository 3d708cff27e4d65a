package load

import (
	"fmt"
	"strings"

	"github.com/steadyframe/steadyframe/internal/meter"
)

// Result is the figures of a load. Latencies are of batches, in milliseconds, from when a batch was due to its last
// image; batches that timed out or were never sent count with the time that they had waited. Nothing of the warm-up is
// in it but findings.
type Result struct {
	Duration float64 `json:"seconds"` // from when the first batch was due to the last response, or to the end of the schedule
	FPS      float64 `json:"fps"`     // images / seconds
	Pace     float64 `json:"pace"`    // images a second while responses came: the slope of the line through them

	PaceError float64 `json:"pace_error"` // the standard error of pace

	Batches  int `json:"batches"` // sent
	Frames   int `json:"frames"`  // in them
	Answered int `json:"answered"`
	Images   int `json:"images"`

	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`

	Rejects      int       `json:"rejects"` // batches refused with advice to come again; their latency does not count
	RejectReason string    `json:"reject_reason,omitempty"`
	Timeouts     int       `json:"timeouts"`      // batches
	Unsent       int       `json:"unsent"`        // batches that were due and never sent, since the load ended before there was room for them
	FailedFrames int       `json:"failed_frames"` // of Errors
	Errors       []Failure `json:"errors"`
	Findings     []Finding `json:"findings"`

	HeldSends  int     `json:"held_sends"` // batches sent after they were due since the server took no more, or too many responses were missing
	LateSends  int     `json:"late_sends"` // sent more than 10 ms after they were due for another reason: this machine is too busy
	SendLagP99 float64 `json:"send_lag_p99_ms"`

	BytesOut int64 `json:"bytes_out"` // of the frames of batches that were answered
	BytesIn  int64 `json:"bytes_in"`  // of images

	ClientCPU        *float64 `json:"client_cpu_s"` // of this process, in the load; null where the system does not say
	ClientCPUPer1000 *float64 `json:"client_cpu_s_per_1000_frames"`
	Server           *Server  `json:"server"` // null without its admin address

	Seconds []Second     `json:"per_second"`
	Curve   []CurvePoint `json:"latency_curve"`
	Error   string       `json:"error,omitempty"` // why the load ended early
}

// Failure is batches or frames that have no images, for one reason.
type Failure struct {
	Kind    string `json:"kind"`    // gRPC's code, HTTP's status with the problem's name, or what broke
	Batches int    `json:"batches"` // that failed as a whole
	Frames  int    `json:"frames"`  // in them, and others that failed on their own
	Example string `json:"example"` // what was said first
}

// Second is the figures of a second of a load: of the batches answered in it.
type Second struct {
	End float64  `json:"end"` // in seconds since the start
	FPS float64  `json:"fps"`
	P50 *float64 `json:"p50_ms"` // null when none was answered
	P99 *float64 `json:"p99_ms"`
	Max *float64 `json:"max_ms"`
}

// CurvePoint is a point of the distribution of latencies: a fraction of all batches had their images within so many
// milliseconds.
type CurvePoint struct {
	Fraction float64 `json:"fraction"`
	MS       float64 `json:"ms"`
}

// curveFractions are the points of a curve: closer together towards 1, where the few slow ones are.
var curveFractions = []float64{
	0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99,
	0.9925, 0.995, 0.9975, 0.999, 0.9995, 0.9999, 0.99995, 0.99999,
}

// setLatencies takes over what l says. A curve ends where it would say more than the number of batches does.
func (r *Result) setLatencies(l *meter.Latency) {
	at := func(q float64) float64 { return meter.Milliseconds(l.Quantile(q)) }
	r.P50, r.P95, r.P99, r.P999, r.Max = at(0.5), at(0.95), at(0.99), at(0.999), meter.Milliseconds(l.Max())
	for _, q := range curveFractions {
		if float64(l.Count())*(1-q) >= 0.5 {
			r.Curve = append(r.Curve, CurvePoint{q, at(q)})
		}
	}
}

// Wrong returns what was wrong with the responses, nil when every frame that was due came back as its image.
func (r *Result) Wrong() error {
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	findings := 0
	for _, f := range r.Findings {
		findings += f.Count
	}
	add(findings, "wrong response or image", "wrong responses or images")
	add(r.FailedFrames, "frame failed", "frames failed")
	add(r.Timeouts, "batch timed out", "batches timed out")
	add(r.Rejects, "batch was rejected", "batches were rejected")
	add(r.Unsent, "batch could not be sent in time", "batches could not be sent in time")
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(parts, ", "))
}

// Progress is the figures of the last second, and of what went wrong so far.
type Progress struct {
	Second
	OnTheWay int // batches sent and not answered
	Rejects  int // batches
	Errors   int // batches, and frames that failed on their own
	Findings int // images and responses that were not what they should be
}

// String returns the line for the terminal.
func (p Progress) String() string {
	latency := "no response" // aligned with what comes else
	if p.P50 != nil {
		latency = fmt.Sprintf("p50 %6.1f ms  p99 %6.1f ms", *p.P50, *p.P99)
	}
	s := fmt.Sprintf("%4.0f s  %7.1f fps   batch %-28s  %d on the way", p.End, p.FPS, latency, p.OnTheWay)
	for _, c := range []struct {
		n    int
		noun string
	}{{p.Rejects, "reject"}, {p.Errors, "error"}, {p.Findings, "finding"}} {
		if c.n > 0 {
			s += "   " + count(c.n, c.noun)
		}
	}
	return s
}

// count returns "1 frame", "2 frames".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// String returns the lines for the terminal.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d in %.1f s (%.1f fps), %s, %s\n", count(r.Images, "image"), r.Frames, r.Duration, r.FPS,
		count(r.Rejects, "reject"), count(r.FailedFrames, "failed frame"))
	fmt.Fprintf(&b, "batch p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms, of %d\n", r.P50, r.P95, r.P99, r.P999, r.Max, r.Answered+r.Timeouts+r.Unsent)
	for _, f := range r.Errors {
		fmt.Fprintf(&b, "error %s: %s; the first: %s\n", f.Kind, count(f.Frames, "frame"), f.Example)
	}
	if r.Timeouts+r.Unsent > 0 {
		fmt.Fprintf(&b, "timed out: %d, never sent: %d\n", r.Timeouts, r.Unsent)
	}
	if r.Rejects > 0 {
		fmt.Fprintf(&b, "the first reject: %s\n", r.RejectReason)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "FINDING %s: %d; the first: %s\n", f.Kind, f.Count, f.Example)
	}
	fmt.Fprintf(&b, "sent %.1f MB/s, got %.2f MB/s; %d held back by the server, %d late by this program (p99 %.1f ms)",
		r.perSecond(r.BytesOut)/1e6, r.perSecond(r.BytesIn)/1e6, r.HeldSends, r.LateSends, r.SendLagP99)
	if r.ClientCPU != nil && r.Duration > 0 {
		fmt.Fprintf(&b, "\nthis program: %.2f s of processor time, %.0f %% of one", *r.ClientCPU, 100**r.ClientCPU/r.Duration)
		if r.ClientCPUPer1000 != nil {
			fmt.Fprintf(&b, ", %.3f s for 1,000 frames", *r.ClientCPUPer1000)
		}
	}
	if r.Server != nil {
		fmt.Fprintf(&b, "\nserver: %s", r.Server)
	}
	return b.String()
}

func (r *Result) perSecond(n int64) float64 {
	if r.Duration <= 0 {
		return 0
	}
	return float64(n) / r.Duration
}

// findingKind is a way in which a server gave another response than it should.
type findingKind uint8

const (
	noFinding    findingKind = iota
	wrongImage               // it is that of another frame
	unreadable               // it is no JPEG of the right size that carries a number
	differs                  // it is that of the frame, and not the bytes that came for the same frame before
	missing                  // a response has fewer images than its batch had frames
	surplus                  // it has more
	outOfOrder               // a response came before that of a batch that was sent earlier over the same stream
	unasked                  // a response is to no batch that waits for one
	findingKinds = iota
)

var findingNames = [findingKinds]string{
	"", "wrong image", "unreadable", "differs", "missing", "surplus", "out of order", "unasked",
}

// String returns the kind as it is printed.
func (k findingKind) String() string { return findingNames[k] }

// Finding is responses that were not what they should be.
type Finding struct {
	Kind    string `json:"kind"`    // wrong image, unreadable, differs, missing, surplus, out of order, unasked
	Count   int    `json:"count"`   // images; for those out of order and unasked, responses
	Example string `json:"example"` // the first: "batch 17, image 3: got that of frame 12, want that of frame 11"
}
