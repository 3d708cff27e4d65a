package live

import (
	"math"
	"testing"
	"time"
)

// TestCapturedAt: a publisher's clock is believed unless it must be wrong.
func TestCapturedAt(t *testing.T) {
	now := time.UnixMicro(1_800_000_000_000_000)
	us := func(d time.Duration) uint64 { return uint64(now.Add(d).UnixMicro()) }
	for _, tt := range []struct {
		name string
		us   uint64
		want time.Duration // from now
	}{
		{"not-said", 0, 0},
		{"before", us(-40 * time.Millisecond), -40 * time.Millisecond},
		{"after", us(40 * time.Millisecond), 40 * time.Millisecond},
		{"a-minute-ahead", us(time.Minute), time.Minute},
		{"more", us(time.Minute + time.Microsecond), 0},
		{"an-hour-behind", us(-time.Hour), -time.Hour},
		{"less", us(-time.Hour - time.Microsecond), 0},
		{"epoch", 1, 0},
		{"last", math.MaxInt64, 0},
		{"beyond", math.MaxUint64, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := CapturedOr(tt.us, now).Sub(now); got != tt.want {
				t.Errorf("got %v from now, want %v", got, tt.want)
			}
		})
	}
}
