package live

import (
	"math"
	"time"
)

// The clock of whoever says when something was captured is trusted within these bounds of the server's.
const (
	maxAhead  = time.Minute
	maxBehind = time.Hour
)

// WantCaptured is what an error says of a time that is not plausible.
const WantCaptured = "want microseconds since the Unix epoch, at most a minute ahead of the server's clock and an hour behind it"

// Plausible reports whether a clock can be right that says that something was captured then.
func Plausible(at, now time.Time) bool { return at.Sub(now) <= maxAhead && now.Sub(at) <= maxBehind }

// Captured returns when something was captured that comes in now: what its message says in microseconds since the Unix epoch. It
// returns zero and false where that says 0 or what is not plausible.
func Captured(us uint64, now time.Time) (at time.Time, ok bool) {
	if us > 0 && us <= math.MaxInt64 {
		if at = time.UnixMicro(int64(us)); Plausible(at, now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// CapturedOr is Captured, and now where that says nothing.
func CapturedOr(us uint64, now time.Time) time.Time {
	if at, ok := Captured(us, now); ok {
		return at
	}
	return now
}
