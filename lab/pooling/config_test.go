package pooling

import (
	"strings"
	"testing"
	"time"
)

func TestConfigCheck(t *testing.T) {
	tests := []struct {
		name string
		set  func(c *Config)
		want string // of the error; "": none
	}{
		{"as-it-is", func(*Config) {}, ""},
		{"some-options", func(c *Config) { c.Options, c.Modes = []string{"pool", "none"}, []Mode{Open} }, ""},
		{"gogc-off", func(c *Config) { c.GOGC = "off" }, ""},
		{"gogc", func(c *Config) { c.GOGC = "400" }, ""},
		{"option", func(c *Config) { c.Options = []string{"heap"} }, `options: got "heap", want some of none, mutex, channel`},
		{"option-twice", func(c *Config) { c.Options = []string{"pool", "none", "pool"} }, "options: pool is named twice"},
		{"mode-twice", func(c *Config) { c.Modes = []Mode{Flat, Flat} }, "modes: flat is named twice"},
		{"rounds", func(c *Config) { c.Rounds = 0 }, "rounds: got 0, want 1 to 1000"},
		{"duration", func(c *Config) { c.Duration = time.Millisecond }, "duration: got 1ms, want 50ms to 24h0m0s"},
		{"rate", func(c *Config) { c.Rate = 0 }, "rate: got 0, want more than 0 batches a second"},
		{"rate-nan", func(c *Config) { c.Rate = nan() }, "rate: got NaN, want more than 0"},
		{"batch", func(c *Config) { c.Batch = 5000 }, "batch: got 5000, want 1 to 4096 frames"},
		{"concurrency", func(c *Config) { c.Concurrency = -1 }, "concurrency: got -1, want 1 to 1024 requests"},
		{"memory", func(c *Config) { c.Batch, c.Concurrency = 4000, 1000 }, "concurrency: got 1000, which in batches of 4000 frames need 4665.3 GB of buffers"},
		{"gogc-text", func(c *Config) { c.GOGC = "-5" }, `gogc: got "-5", want a percentage such as 100, or off`},
		{"limit", func(c *Config) { c.MemoryLimit = -1 }, "memory limit: got -1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Size: W1, Rounds: 1, Duration: time.Second, Rate: 48, Batch: 25, Concurrency: 2}
			tt.set(&c)
			err := c.Check()
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

func TestNames(t *testing.T) {
	var s Size
	var m Mode
	if err := s.UnmarshalText([]byte("w3")); err != nil || s != W3 {
		t.Errorf("got %v, %v, want %v", s, err, W3)
	}
	if err := s.UnmarshalText([]byte("w2")); err == nil || !strings.Contains(err.Error(), `got "w2", want w1`) {
		t.Errorf("size w2: got %v", err)
	}
	if err := m.UnmarshalText([]byte("open")); err != nil || m != Open {
		t.Errorf("got %v, %v, want %v", m, err, Open)
	}
	if err := m.UnmarshalText([]byte("closed")); err == nil || !strings.Contains(err.Error(), `got "closed", want flat or open`) {
		t.Errorf("mode closed: got %v", err)
	}
}

// TestWorkloads: the sizes of the origin's buffers, as docs/adr/0001-memory-pooling.md has them.
func TestWorkloads(t *testing.T) {
	w1, w3 := W1.workload(), W3.workload()
	if want := [kinds]int{691_200, 409_600, 65_536}; w1.sizes != want {
		t.Errorf("w1: got buffers of %v, want %v", w1.sizes, want)
	}
	if want := [kinds]int{6_220_800, 0, 1 << 20}; w3.sizes != want || w3.resizes() {
		t.Errorf("w3: got buffers of %v, resized: %v, want %v, not resized", w3.sizes, w3.resizes(), want)
	}
}
