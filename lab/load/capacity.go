package load

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Search says what capacity is, and how it is looked for.
type Search struct {
	P99      time.Duration // that a batch may take; 0: 300 ms
	Step     time.Duration // of the load at one rate; 0: 5 s
	Progress func(Step)    // called after each step; may be nil

	least float64 // the lowest rate to try
}

// leastBatches is how many batches a step has at least: a line through fewer responses says nothing of their rate.
const leastBatches = 3

// LeastRate returns the lowest rate, in frames a second, that steps of that length can try: as many batches of so many frames are
// due in one as tell how fast their responses come.
func LeastRate(step time.Duration, batch int) float64 {
	return leastBatches * float64(batch) / step.Seconds()
}

// Step is a load at one rate.
type Step struct {
	Rate     float64 `json:"rate"`     // frames a second
	Achieved float64 `json:"achieved"` // the part of it at which responses came
	Passed   bool    `json:"passed"`
	Reason   string  `json:"reason,omitempty"` // why it did not pass
	Result   Result  `json:"result"`
}

// String returns the line for the terminal.
func (s Step) String() string {
	verdict := "passed"
	if !s.Passed {
		verdict = s.Reason
	}
	return fmt.Sprintf("%8.1f fps   achieved %5.1f %%   batch p50 %6.1f ms  p99 %6.1f ms   %s", s.Rate, 100*s.Achieved, s.Result.P50, s.Result.P99, verdict)
}

// Capacity is the highest rate that a server bears.
type Capacity struct {
	Bound float64 `json:"p99_bound_ms"`
	Step  float64 `json:"step_s"` // of each rate
	FPS   float64 `json:"fps"`    // the highest rate that passed; 0: none did
	Steps []Step  `json:"steps"`
}

// String returns the line for the terminal.
func (c Capacity) String() string {
	if c.FPS == 0 {
		return fmt.Sprintf("no capacity found: not even %.1f frames a second passed; lower rates want longer steps", c.lowest())
	}
	return fmt.Sprintf("capacity: %.0f frames a second with p99 <= %.0f ms", c.FPS, c.Bound)
}

func (c *Capacity) lowest() float64 {
	low := c.Steps[0].Rate
	for _, s := range c.Steps {
		low = min(low, s.Rate)
	}
	return low
}

// Best returns the step of the highest rate that passed, nil when there is none.
func (c *Capacity) Best() *Step {
	var best *Step
	for i := range c.Steps {
		if s := &c.Steps[i]; s.Passed && (best == nil || s.Rate >= best.Rate) {
			best = s
		}
	}
	return best
}

// Wrong returns what was wrong with the responses of steps that passed in all other respects, nil for nothing.
func (c *Capacity) Wrong() error {
	for i := range c.Steps {
		if len(c.Steps[i].Result.Findings) > 0 {
			return c.Steps[i].Result.Wrong()
		}
	}
	return nil
}

const (
	defaultP99     = 300 * time.Millisecond
	defaultStep    = 5 * time.Second
	leastAchieved  = 0.99
	searchFactor   = 2    // from one rate to the next, until one does not pass
	searchWidth    = 1.03 // between the highest rate that passed and the lowest that did not, at the end
	searchAttempts = 16   // rates that are tried below the first, or above it
)

// FindCapacity looks for the highest rate at which a server responds to every batch with its images, 99 % of them within
// the bound, and keeps up. It begins at the generator's rate, doubles it until a step does not pass, or halves it until
// one does, though not below LeastRate, and then divides what is between. A step that fails narrowly is tried once more: a
// moment in which the machine was busy with something else is not the server's capacity.
//
// The Capacity holds the steps up to an error, which is one of Run.
func (g *Generator) FindCapacity(ctx context.Context, s Search) (Capacity, error) {
	if s.P99 == 0 {
		s.P99 = defaultP99
	}
	if s.Step == 0 {
		s.Step = defaultStep
	}
	if s.P99 < 0 || s.Step < 0 {
		return Capacity{}, optionErrorf("step", "got a bound of %v and steps of %v, want more than 0", s.P99, s.Step)
	}
	o := g.options
	o.Requests, o.Duration = 0, s.Step
	s.least = LeastRate(s.Step, o.Batch)
	return s.find(g.options.Rate, func(rate float64) (Result, error) {
		o.Rate = rate
		result, err := g.run(ctx, o)
		if err == nil {
			err = context.Cause(ctx)
		}
		return result, err
	})
}

// find is FindCapacity for loads that try puts on something.
func (s Search) find(rate float64, try func(rate float64) (Result, error)) (Capacity, error) {
	c := Capacity{Bound: s.bound(), Step: s.Step.Seconds()}
	var low, high float64 // passed, and did not; 0: none did
	for range 2 * searchAttempts {
		passed, err := s.step(&c, rate, try)
		if err != nil {
			return c, err
		}
		if passed {
			low = rate
			c.FPS = max(c.FPS, rate)
		} else {
			high = rate
		}
		switch {
		case low == 0 && high/searchFactor < s.least:
			return c, nil
		case low == 0:
			rate = high / searchFactor
		case high == 0:
			rate = low * searchFactor
		case high <= low*searchWidth:
			return c, nil
		default:
			rate = (low + high) / 2
		}
	}
	return c, nil
}

// step tries one rate, twice when it fails narrowly.
func (s Search) step(c *Capacity, rate float64, try func(rate float64) (Result, error)) (passed bool, err error) {
	for range 2 {
		r, err := try(rate)
		if err != nil {
			return false, err
		}
		step := Step{Rate: rate, Achieved: r.Pace / rate, Result: r}
		step.Reason = s.fault(&step)
		step.Passed = step.Reason == ""
		c.Steps = append(c.Steps, step)
		if s.Progress != nil {
			s.Progress(step)
		}
		if step.Passed || s.clearly(&step) {
			return step.Passed, nil
		}
	}
	return false, nil
}

// fault returns why a step does not pass, "" when it does.
func (s Search) fault(step *Step) string {
	var why []string
	if wrong := step.Result.Wrong(); wrong != nil {
		why = append(why, wrong.Error())
	}
	if step.Result.P99 > s.bound() {
		why = append(why, fmt.Sprintf("p99 above %.0f ms", s.bound()))
	}
	// The line through a few responses is no more exact than they are regular: two standard errors are let pass.
	if step.Achieved+2*step.Result.PaceError/step.Rate < leastAchieved {
		why = append(why, fmt.Sprintf("less than %.0f %% of the rate", 100*leastAchieved))
	}
	return strings.Join(why, ", ")
}

// clearly reports whether a step that failed has no hope of another outcome.
func (s Search) clearly(step *Step) bool {
	return step.Result.Wrong() != nil || step.Result.P99 > 2*s.bound() || step.Achieved < 0.9
}

// bound returns the bound in milliseconds.
func (s Search) bound() float64 { return float64(s.P99) / float64(time.Millisecond) }
