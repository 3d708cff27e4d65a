package engine

import (
	"context"
	"sync"
	"time"
)

// A request that takes no turn, since it is refused or asks for a list or a single image, costs little. But a connection
// that makes one after the other without waiting keeps its goroutine running, and Go's scheduler lets one run for 10 ms
// before others, and looks at the sockets of others only then. Some such connections made each step of everyone else's
// requests, and a batch takes dozens, wait for that long. So the responses to what is above a rate are held back:
// the connection sleeps, and leaves the processor to others.
const (
	// quick is how many such responses a client gets in a second without a wait.
	quick = 100
	// quickAlways is the same while all clients together got more than quickTogether in that second.
	quickAlways   = 10
	quickTogether = 1000
	// paceFactor is how many times as long a response above that is held back as its request took. All clients together that
	// are being held back get at most that part of one processor.
	paceFactor = 16
	// What a request took is counted within these bounds: it may have waited for something else.
	paceLeast, paceMost = 50 * time.Microsecond, time.Millisecond
	// paceWait is the longest that one is held back, and paceLong what may last that long and not be held back at all: it is no
	// part of a flood, and may hold memory until its handler returns.
	paceWait, paceLong = 10 * time.Second, time.Second
)

// pace counts the requests that take no turn.
type pace struct {
	mu     sync.Mutex
	second time.Time // when it began
	n      int       // requests in it
	above  int       // clients above their rate in it
	before int       // the same of the second before
}

// paced is what pace knows of a client. pace.mu guards it.
type paced struct {
	second time.Time // that n is of
	n      int       // requests in it
	above  bool      // whether it is counted in pace.above
	next   time.Time // when the last response that was held back was due
}

// hold counts a request of c that took so long, and returns for how long to hold back its response.
func (p *pace) hold(c *Client, took time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	atOnce := p.room(c, now)
	p.count(c)
	if atOnce {
		return 0
	}
	mine := &c.paced
	if !mine.above {
		mine.above = true
		p.above++
	}
	pause := paceFactor * min(max(took, paceLeast), paceMost) * time.Duration(max(1, p.above, p.before))
	if mine.next.Before(now) {
		mine.next = now
	}
	mine.next = mine.next.Add(pause)
	if latest := now.Add(paceWait); mine.next.After(latest) {
		mine.next = latest
	}
	return mine.next.Sub(now)
}

// room reports whether the response to one more request of c comes at once. p.mu is held.
func (p *pace) room(c *Client, now time.Time) bool {
	if since := now.Sub(p.second); since >= time.Second {
		p.before, p.above = p.above, 0
		if since >= 2*time.Second {
			p.before = 0
		}
		p.second, p.n = now, 0
	}
	mine := &c.paced
	if mine.second != p.second {
		mine.second, mine.n, mine.above = p.second, 0, false
	}
	most := quick
	if p.n >= quickTogether {
		most = quickAlways
	}
	return mine.n < most
}

// count counts a request of c in the second of room. p.mu is held.
func (p *pace) count(c *Client) {
	p.n++
	c.paced.n++
}

// quick counts a request of c if its response comes at once, and reports whether it does.
func (p *pace) quick(c *Client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.room(c, time.Now()) {
		return false
	}
	p.count(c)
	return true
}

// Quick reports whether the response to a request of c that takes no turn may be sent at once. If so, the request is counted as
// Pace counts it; if not, Pace is to be called where it may wait.
func (e *Engine) Quick(c *Client) bool { return e.pace.quick(c) }

// Pace is called before the response to a request of ctx's client that took no turn, refused or served, is sent: it waits
// where the client makes very many. took is how long the request took. The wait does not end with ctx: who goes away could
// come again at once. It ends when the server drains. held says whether it waited.
func (e *Engine) Pace(ctx context.Context, took time.Duration) (held bool) {
	c := clientOf(ctx)
	if c == nil || took > paceLong {
		return false
	}
	wait := e.pace.hold(c, took)
	if wait == 0 {
		return false
	}
	e.Metrics.Slowed()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.Draining():
	}
	return true
}
