// Package lookout looks at things at intervals while there are any, and sleeps while there are none: a server with nothing to
// do does not wake its processor.
package lookout

import "time"

// Lookout is a goroutine's reason to look. Wake may be called from any goroutine.
type Lookout struct {
	wake chan struct{} // has one value at most
}

// New returns a Lookout.
func New() *Lookout { return &Lookout{wake: make(chan struct{}, 1)} }

// Wake says that there is something to look at. It is called after that is so for look, never waits, and allocates nothing.
func (l *Lookout) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // it is said already
	}
}

// Run calls look every interval, until stop is closed. When look reports that there was nothing, Run sleeps until Wake, and
// calls it an interval after that. It is for one goroutine.
func (l *Lookout) Run(stop <-chan struct{}, interval time.Duration, look func(now time.Time) (some bool)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			select { // What was said until now, look sees. What is said from now on stays for the sleep.
			case <-l.wake:
			default:
			}
			if look(now) {
				continue
			}
		}
		tick.Stop()
		select {
		case <-stop:
			return
		case <-l.wake:
			tick.Reset(interval)
		}
	}
}
