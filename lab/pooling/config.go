package pooling

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Config says what to measure. Options, Modes, GOGC and MemoryLimit may be left out.
type Config struct {
	Options     []string // names, see Options; none: all
	Modes       []Mode   // none: all
	Size        Size
	Rounds      int           // turns of each option in each mode
	Duration    time.Duration // of the measured part of a turn
	Rate        float64       // of mode Open: batches a second
	Batch       int           // frames
	Concurrency int           // requests at a time
	GOGC        string        // percent, or off; "": as the environment has it
	MemoryLimit int64         // GOMEMLIMIT in bytes; 0: as the environment has it
	Tight       bool          // MemoryLimit is tightFactor times what option pool holds when it has settled

	// Child is how to start a process that calls Child: the program and its arguments.
	Child []string

	known []Option      // to choose from; nil: Options
	grace time.Duration // see childGrace; 0: that
}

// tightFactor is how much more memory than the pool needs a tight limit leaves.
const tightFactor = 1.25

// Limits of a Config: far beyond what tells anything, and less than what takes a machine down.
const (
	maxBatch       = 4096
	maxConcurrency = 1024
	maxRounds      = 1000
	maxRate        = 1e6
	maxBytes       = 16 << 30 // of all buffers in use
	minDuration    = 50 * time.Millisecond
	maxDuration    = 24 * time.Hour
)

// resolve returns c with nothing left out.
func (c Config) resolve() Config {
	if c.known == nil {
		c.known = Options()
	}
	if c.grace == 0 {
		c.grace = childGrace
	}
	if len(c.Options) == 0 {
		for _, o := range c.known {
			c.Options = append(c.Options, o.Name)
		}
	}
	if len(c.Modes) == 0 {
		c.Modes = Modes()
	}
	return c
}

// Check returns an error that says which setting is wrong, nil for none.
func (c Config) Check() error {
	c = c.resolve()
	if _, err := optionsNamed(c.known, c.Options); err != nil {
		return err
	}
	_, err := strconv.ParseUint(c.GOGC, 10, 31)
	w := c.Size.workload()
	bytes := float64(w.frameBytes()) * float64(c.Batch) * float64(c.Concurrency)
	switch {
	case repeated(c.Options) != "":
		return fmt.Errorf("options: %s is named twice", repeated(c.Options))
	case repeated(c.Modes) != "":
		return fmt.Errorf("modes: %s is named twice", repeated(c.Modes))
	case c.Rounds < 1 || c.Rounds > maxRounds:
		return fmt.Errorf("rounds: got %d, want 1 to %d", c.Rounds, maxRounds)
	case c.Duration < minDuration || c.Duration > maxDuration:
		return fmt.Errorf("duration: got %v, want %v to %v", c.Duration, minDuration, maxDuration)
	case !(c.Rate > 0 && c.Rate <= maxRate): // also what is no number
		return fmt.Errorf("rate: got %v, want more than 0 batches a second, and at most %v", c.Rate, maxRate)
	case c.Batch < 1 || c.Batch > maxBatch:
		return fmt.Errorf("batch: got %d, want 1 to %d frames", c.Batch, maxBatch)
	case c.Concurrency < 1 || c.Concurrency > maxConcurrency:
		return fmt.Errorf("concurrency: got %d, want 1 to %d requests", c.Concurrency, maxConcurrency)
	case bytes > maxBytes:
		return fmt.Errorf("concurrency: got %d, which in batches of %d frames need %.1f GB of buffers; want at most %.1f GB",
			c.Concurrency, c.Batch, bytes/1e9, float64(maxBytes)/1e9)
	case c.GOGC != "" && c.GOGC != "off" && err != nil:
		return fmt.Errorf("gogc: got %q, want a percentage such as 100, or off", c.GOGC)
	case c.MemoryLimit < 0:
		return fmt.Errorf("memory limit: got %d, want a number of bytes", c.MemoryLimit)
	}
	return nil
}

// repeated returns an element that is in s twice, "" for none.
func repeated[T ~string](s []T) T {
	for i, v := range s {
		if slices.Contains(s[:i], v) {
			return v
		}
	}
	return ""
}
