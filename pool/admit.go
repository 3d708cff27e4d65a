package pool

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/waitlist"
)

// A Grant is the admission of some bytes: a small value, to be released once. The zero Grant admits nothing and may be
// released any number of times.
type Grant struct {
	t   *ticket
	gen uint64
}

// Admit waits until n bytes fit the Budget beside what is admitted already, and admits them until the Grant's Release.
// The caller that waits longest is served first, whatever its n, but for those with a Priority, and those that ask for
// little and find room in the Reserve. This is the one place where work waits for memory: call it once, at the edge,
// for all that a piece of work will lease at the same time, each buffer at its ClassSize. When every lease is so
// covered, Get does not run into the Budget. Admit leases nothing itself.
//
// Without a Budget it admits at once. It returns ctx's error, wrapped, when ctx is done first, and at once a *BudgetError
// (ErrBudget) when n exceeds the Budget, and a *SizeError (ErrSize) when n is negative. After Close it returns ErrClosed.
func (p *Pool) Admit(ctx context.Context, n int64) (Grant, error) {
	g, _, err := p.admit(ctx, n, 0)
	return g, err
}

// A Priority is the queue priority of a caller that asks for memory again and again, such as a stream. Once it has been
// admitted it goes before all that began to ask later, and those leave room for what it had last: newcomers, however many, get the
// rest. Nobody starves, since of five grants one is for the caller that waits longest. Its methods may be called from any goroutine.
type Priority struct {
	pool *Pool
	rank atomic.Uint64 // of the first ticket that was granted; 0: none
}

// NewPriority returns the Priority of a newcomer.
func (p *Pool) NewPriority() *Priority { return &Priority{pool: p} }

// Admit is Pool.Admit in the order of q.
func (q *Priority) Admit(ctx context.Context, n int64) (g Grant, err error) {
	g, rank, err := q.pool.admit(ctx, n, q.rank.Load())
	if err == nil {
		q.rank.CompareAndSwap(0, rank)
	}
	return g, err
}

// Reset makes q that of a newcomer, such as after a pause.
func (q *Priority) Reset() { q.rank.Store(0) }

// admit is Admit for a caller of that rank, 0 for a newcomer. It also returns the rank it was admitted with.
func (p *Pool) admit(ctx context.Context, n int64, rank uint64) (Grant, uint64, error) {
	a := &p.admission
	switch {
	case n < 0:
		return Grant{}, 0, &SizeError{Got: n, Max: a.stats().limit}
	case ctx.Err() != nil:
		return Grant{}, 0, cmp.Or(a.never(n), admitError(ctx, n))
	}
	t, g, ok, err := a.enter(n, rank)
	if err != nil {
		return Grant{}, 0, err
	}
	if !ok {
		select {
		case <-t.Turn():
			if err := a.refusal(t, n); err != nil {
				return Grant{}, 0, err
			}
		case <-ctx.Done():
			a.abandon(t)
			return Grant{}, 0, admitError(ctx, n)
		}
	}
	return g, t.Value.rank, nil
}

// TryAdmit admits n bytes if it need not wait: if they fit, and nobody waits. It is for memory that the caller can do
// without. While others wait for much, what is little finds room in half of the Reserve, which those cannot have.
func (p *Pool) TryAdmit(n int64) (g Grant, ok bool) {
	a := &p.admission
	if n < 0 {
		return Grant{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lineOf(n)
	if a.check(n) != nil || !a.fits(l, n, a.arrivals+1) || a.little.queue.Len() > 0 || a.large.queue.Len() > 0 && (l == &a.large || l.granted+n > a.reserve/2) {
		return Grant{}, false
	}
	a.arrivals++
	t, g := a.take(l, n, a.arrivals)
	a.grant(t)
	return g, true
}

func admitError(ctx context.Context, n int64) error {
	return fmt.Errorf("pool: admission of %d bytes: %w", n, ctx.Err())
}

// Release gives the admitted bytes back. A second Release panics with "pool: Grant released twice".
func (g Grant) Release() {
	if g.t != nil {
		g.t.Value.admission.release(g)
	}
}

// Shrink gives back all but n of the admitted bytes, for work that has released most of what it leased and holds the rest for
// longer. It does nothing when no more than n are admitted, and panics as Release does on a Grant that was released.
func (g Grant) Shrink(n int64) {
	if g.t != nil {
		g.t.Value.admission.shrink(g, max(n, 0))
	}
}

// admission hands out the budget in two lines: one of callers that ask for little, one of the others. In each it goes by
// rank, which is the order of arrival, or of an earlier one. While somebody waits in the other line, callers that ask for
// little have the reserve, and no more; the others have all but the reserve. So neither line starves.
type admission struct {
	mu       sync.Mutex
	limit    int64 // MaxInt64: none
	closed   bool
	reserve  int64 // for callers that ask for little; 0: all wait in one line
	granted  int64
	arrivals uint64 // so far
	little   line
	large    line
	regulars [maxRegulars]regular // the oldest, in no order
	later    *time.Timer          // looks again when regulars are none any more; nil: nobody waits for that
}

// regular is a caller that was admitted again: it has a rank of its own and is likely to ask once more. Callers of a later rank leave
// room for as much as it was admitted for last, up to half of what there is, so that it need not wait until one of them has done with
// what it was admitted for, which may take long where that comes over a slow network.
type regular struct {
	rank uint64 // 0: none
	n    int64
	held int64     // of what it was granted as a regular, not given back
	last time.Time // when it was granted last
}

const (
	// maxRegulars is how many of the oldest callers are remembered, and regularFor is for how long after their last grant.
	maxRegulars = 8
	regularFor  = 10 * time.Second
)

// littlePart is the largest part of the reserve that counts as little.
const littlePart = 4

// line is the callers that wait, and what was granted to those of their kind.
type line struct {
	granted   int64
	queue     waitlist.List[ticketData]
	ranks     ranks // those of the queue, by rank
	overtaken int   // how often the first of the queue has been
}

// ranks is a heap of tickets by rank, and by arrival where ranks are equal.
type ranks []*ticket

func (r ranks) Len() int { return len(r) }

func (r ranks) Less(i, j int) bool {
	a, b := &r[i].Value, &r[j].Value
	return a.rank < b.rank || a.rank == b.rank && a.arrival < b.arrival
}

func (r ranks) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].Value.at, r[j].Value.at = i, j
}

// Push and Pop are for package heap.
func (r *ranks) Push(t any) {
	t.(*ticket).Value.at = len(*r)
	*r = append(*r, t.(*ticket))
}

func (r *ranks) Pop() any {
	last := len(*r) - 1
	t := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return t
}

// join puts t at the end of the queue.
func (l *line) join(t *ticket) {
	l.queue.Append(t)
	heap.Push(&l.ranks, t)
}

// leave takes t out of the queue, with its turn or without.
func (l *line) leave(t *ticket, turn bool) {
	if t == l.queue.First() {
		l.overtaken = 0
	}
	heap.Remove(&l.ranks, t.Value.at)
	if turn {
		l.queue.Wake(t)
	} else {
		l.queue.Remove(t)
	}
}

// maxOvertaken is how many others are granted before the first of the queue. So a caller behind k others is overtaken by
// 4(k+1) at most.
const maxOvertaken = 4

// A ticket is one admission, waiting or granted. Tickets are used again; gen tells their uses apart.
type ticket = waitlist.Waiter[ticketData]

type ticketData struct {
	admission *admission
	line      *line
	gen       uint64
	rank      uint64
	arrival   uint64
	at        int // in its line's ranks, while it waits
	refused   bool
	regular   bool // whether a regular holds it
	n         int64
}

// lineOf returns the line for n bytes.
func (a *admission) lineOf(n int64) *line {
	if n <= a.reserve/littlePart {
		return &a.little
	}
	return &a.large
}

// waiting returns how many callers wait.
func (a *admission) waiting() int { return a.little.queue.Len() + a.large.queue.Len() }

// enter returns a ticket for n bytes, its Grant, and whether it is granted; if not, it is in its queue. A rank of 0 is that
// of a newcomer.
func (a *admission) enter(n int64, rank uint64) (t *ticket, g Grant, granted bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.check(n); err != nil {
		return nil, Grant{}, false, err
	}
	if a.arrivals++; rank == 0 {
		rank = a.arrivals
	}
	l := a.lineOf(n)
	t, g = a.take(l, n, rank)
	if l.queue.Len() == 0 && a.fits(l, n, rank) {
		a.grant(t)
		return t, g, true, nil
	}
	l.join(t)
	if a.advance(); t.Waiting() {
		return t, g, false, nil
	}
	<-t.Turn()
	return t, g, true, nil
}

// check returns why n bytes can never be admitted, nil when they can.
func (a *admission) check(n int64) error {
	switch {
	case a.closed:
		return ErrClosed
	case n > a.limit:
		return &BudgetError{Want: n, InUse: a.granted, Budget: a.limit}
	}
	return nil
}

// never is check for callers without the lock.
func (a *admission) never(n int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.check(n)
}

// refusal returns nil when t, whose turn it is, was granted its n bytes, and else why it was not.
func (a *admission) refusal(t *ticket, n int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !t.Value.refused {
		return nil
	}
	a.recycle(t)
	if a.closed {
		return ErrClosed
	}
	return &BudgetError{Want: n, InUse: a.granted, Budget: a.limit}
}

// set changes what there is to admit, and the part of it that is the reserve.
func (a *admission) set(limit, reserve int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit, a.reserve = limit, reserve
	a.sort()
}

// close refuses all that wait, and all that come.
func (a *admission) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.sort()
}

// sort looks at all that wait again: it refuses those that cannot be admitted any more, and puts the others into the line
// that is theirs now.
func (a *admission) sort() {
	for _, l := range []*line{&a.little, &a.large} {
		var next *ticket
		for t := l.queue.First(); t != nil; t = next {
			next = t.Next()
			switch to := a.lineOf(t.Value.n); {
			case a.check(t.Value.n) != nil:
				t.Value.n, t.Value.refused = 0, true
				l.leave(t, true)
			case to != l:
				l.leave(t, false)
				t.Value.line = to
				to.join(t)
			}
		}
	}
	a.advance()
}

// take returns a ticket that is not in use, and its Grant. a.mu is held.
func (a *admission) take(l *line, n int64, rank uint64) (*ticket, Grant) {
	t := l.queue.New()
	t.Value = ticketData{admission: a, line: l, gen: t.Value.gen, rank: rank, arrival: a.arrivals, n: n}
	return t, Grant{t: t, gen: t.Value.gen}
}

// grant counts what t asks for.
func (a *admission) grant(t *ticket) {
	a.granted += t.Value.n
	t.Value.line.granted += t.Value.n
	if v := &t.Value; v.line == &a.large && v.rank < v.arrival && v.rank > 0 && a.limit != math.MaxInt64 {
		v.regular = a.remember(v.rank, v.n)
	}
}

// remember notes that a caller of that rank, which had been granted something before, was granted n bytes. It returns false when there
// are enough that are older.
func (a *admission) remember(rank uint64, n int64) bool {
	now := time.Now()
	var at *regular // none, or the youngest
	for i := range a.regulars {
		r := &a.regulars[i]
		if r.rank != 0 && now.Sub(r.last) > regularFor {
			*r = regular{}
		}
		if r.rank == rank {
			at = r
			break
		}
		if at == nil || at.rank != 0 && (r.rank == 0 || r.rank > at.rank) {
			at = r
		}
	}
	switch {
	case at.rank == rank:
		at.n, at.held, at.last = n, at.held+n, now
	case at.rank == 0 || at.rank > rank:
		*at = regular{rank, n, n, now}
	default:
		return false
	}
	return true
}

// room returns how many bytes a caller of that rank that asks for n leaves to regulars that came before: what they were admitted for last,
// up to half of what there is and no more than is left beside n, without what they hold. It also returns that.
func (a *admission) room(rank uint64, n int64) (room, held int64) {
	var now time.Time
	most := a.limit - a.reserve
	for i := range a.regulars {
		r := &a.regulars[i]
		if r.rank == 0 || r.rank >= rank {
			continue
		}
		if now.IsZero() {
			now = time.Now()
		}
		if held += r.held; now.Sub(r.last) <= regularFor {
			room += r.n
		}
	}
	return max(0, min(room, most/2, most-n)-held), held
}

// passes reports whether the regular that is first by rank in l may be granted before t, whose turn it is, which has to leave room for
// it. Then t, beside what regulars hold, still fits when others have given back what they hold.
func (a *admission) passes(l *line, t *ticket) bool {
	if l != &a.large || l.ranks[0] == t {
		return false
	}
	v, regular := &l.ranks[0].Value, false
	for i := range a.regulars {
		regular = regular || a.regulars[i].rank == v.rank
	}
	_, held := a.room(t.Value.rank, t.Value.n)
	most := a.limit - a.reserve
	return regular && held+v.n <= min(most/2, most-t.Value.n) && a.fits(l, v.n, v.rank)
}

// giveBack ends the admission of n bytes of t.
func (a *admission) giveBack(t *ticket, n int64) {
	a.granted -= n
	t.Value.line.granted -= n
	t.Value.n -= n
	if !t.Value.regular {
		return
	}
	for i := range a.regulars {
		if r := &a.regulars[i]; r.rank == t.Value.rank {
			r.held = max(0, r.held-n)
		}
	}
}

// release ends the admission g, and admits callers that fit then.
func (a *admission) release(g Grant) {
	a.mu.Lock()
	if g.t.Value.gen != g.gen {
		a.mu.Unlock()
		panic("pool: Grant released twice")
	}
	a.giveBack(g.t, g.t.Value.n)
	a.recycle(g.t)
	a.advance()
	a.mu.Unlock()
}

// shrink leaves n bytes to g, if it has more, and admits callers that fit then.
func (a *admission) shrink(g Grant, n int64) {
	a.mu.Lock()
	if g.t.Value.gen != g.gen {
		a.mu.Unlock()
		panic("pool: Grant released twice")
	}
	if had := g.t.Value.n; had > n {
		a.giveBack(g.t, had-n)
		a.advance()
	}
	a.mu.Unlock()
}

// abandon ends the wait of t, whose context is done. The grant may have come at the same moment: then it is given back.
// Either way callers behind t may fit now.
func (a *admission) abandon(t *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.Waiting() {
		t.Value.line.leave(t, false)
	} else {
		a.giveBack(t, t.Value.n)
	}
	a.recycle(t)
	a.advance()
}

// advance grants tickets while the next one of a line fits. In its line it never skips one that does not fit: else large
// ones would starve.
func (a *admission) advance() {
	for a.advanceLine(&a.little) || a.advanceLine(&a.large) {
	}
}

// advanceLine grants the next ticket of l, and reports whether it fits.
func (a *admission) advanceLine(l *line) bool {
	t := l.next()
	if t == nil {
		return false
	}
	if !a.fits(l, t.Value.n, t.Value.rank) {
		if a.later == nil && a.fits(l, t.Value.n, 0) { // but for the room, which no release may tell the end of
			a.later = time.AfterFunc(regularFor, a.lookLater)
		}
		if !a.passes(l, t) {
			return false
		}
		t = l.ranks[0]
	}
	l.overtaken++
	a.grant(t)
	l.leave(t, true)
	return true
}

// lookLater grants what waited for room that is nobody's any more.
func (a *admission) lookLater() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.later = nil
	a.advance()
}

// next returns the ticket that is to be granted next, nil when nobody waits: that of the lowest rank, or the first when
// it has been overtaken often enough.
func (l *line) next() *ticket {
	if len(l.ranks) == 0 || l.overtaken >= maxOvertaken {
		return l.queue.First()
	}
	return l.ranks[0]
}

// fits reports whether n more bytes can be granted in line l to a caller of that rank.
func (a *admission) fits(l *line, n int64, rank uint64) bool {
	switch {
	case a.limit == math.MaxInt64:
		return true
	case a.granted+n > a.limit:
		return false
	case l == &a.little:
		t := a.large.next()
		return t == nil || l.granted+n <= min(a.reserve, a.limit-t.Value.n)
	}
	most := a.limit - a.reserve
	if n > most {
		return true
	}
	room, _ := a.room(rank, n)
	return l.granted+n+room <= most
}

// recycle makes every Grant of t stale and keeps t for another use.
func (a *admission) recycle(t *ticket) {
	t.Value.gen++
	t.Value.line.queue.Free(t)
}
