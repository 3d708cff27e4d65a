package pool_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// A lease is the test's record of a Buf: the handles that Retain returned for it, and the stamp that nobody else may
// overwrite.
type lease struct {
	buf      pool.Buf
	retained []pool.Buf
	n        int
	stamp    uint64
}

// put writes the stamp at both ends of the buffer's whole capacity.
func (l *lease) put(stamp uint64) {
	l.stamp = stamp
	mem := l.buf.Bytes()[:l.buf.Cap()]
	binary.LittleEndian.PutUint64(mem, stamp)
	binary.LittleEndian.PutUint64(mem[len(mem)-8:], stamp)
}

// check fails t unless the buffer is as it was left.
func (l *lease) check(t *testing.T) {
	mem := l.buf.Bytes()
	if len(mem) != l.n {
		t.Errorf("lease %d: got length %d, want %d", l.stamp, len(mem), l.n)
	}
	mem = mem[:cap(mem)]
	first, last := binary.LittleEndian.Uint64(mem), binary.LittleEndian.Uint64(mem[len(mem)-8:])
	if first != l.stamp || last != l.stamp {
		t.Errorf("lease %d: got stamps %d and %d, another owner's", l.stamp, first, last)
	}
}

// model is what a pool of one goroutine should be.
type model struct {
	t          *testing.T
	p          *pool.Pool
	budget     int64
	leases     []*lease
	stale      []pool.Buf
	inUse      int64
	gets, puts uint64
	refused    uint64
	collected  int
}

// modelSizes are lengths around the ends of classes near to each other, so that they compete for the budget.
var modelSizes = []int{0, 1, 4096, 4097, 5120, 8192, 8193, 12_000, 16_384, 30_000, 40_960, 65_536, 65_537, pool.MaxSize + 1, -1}

// step does the operation that op and arg stand for, to the pool and to the model.
func (m *model) step(op, arg byte) {
	switch op % 8 {
	case 0, 1:
		m.get(modelSizes[int(arg)%len(modelSizes)])
	case 2:
		if l := m.pick(arg); l != nil {
			l.retained = append(l.retained, l.buf.Retain())
		}
	case 3, 4:
		if l := m.pick(arg); l != nil {
			m.release(l, int(arg)%len(m.leases))
		}
	case 5:
		if l := m.pick(arg); l != nil {
			l.n = int(arg) * l.buf.Cap() / 255
			l.buf.SetLen(l.n)
		}
	case 6:
		if len(m.stale) > 0 {
			use, b := uses[int(arg)%len(uses)], m.stale[int(arg)%len(m.stale)]
			if got := recovered(func() { use.f(b) }); got != use.want {
				m.t.Errorf("%s of a stale handle: got panic %v, want %q", use.name, got, use.want)
			}
		}
	case 7:
		if m.collected < 6 {
			m.collected++
			runtime.GC()
		}
	}
}

func (m *model) pick(arg byte) *lease {
	if len(m.leases) == 0 {
		return nil
	}
	return m.leases[int(arg)%len(m.leases)]
}

func (m *model) get(n int) {
	var want error
	switch size := int64(pool.ClassSize(n)); {
	case size == 0:
		want = pool.ErrSize
	case m.inUse+size > m.budget:
		want = pool.ErrBudget
		m.refused++
	default:
		m.gets++
		m.inUse += size
	}
	b, err := m.p.Get(n)
	if !errors.Is(err, want) || b.IsZero() != (want != nil) {
		m.t.Fatalf("Get(%d) with %d bytes in use: got %v, want %v", n, m.inUse, err, want)
	}
	if err == nil {
		l := &lease{buf: b, n: n}
		l.put(m.gets)
		m.leases = append(m.leases, l)
	}
}

// release ends one holder's use of leases[i], which is l.
func (m *model) release(l *lease, i int) {
	if n := len(l.retained); n > 0 {
		l.retained[n-1].Release()
		l.retained = l.retained[:n-1]
	} else {
		m.inUse -= int64(l.buf.Cap())
		m.puts++
		m.leases[i] = m.leases[len(m.leases)-1]
		m.leases = m.leases[:len(m.leases)-1]
		m.stale = append(m.stale, l.buf)
		l.buf.Release()
	}
}

// check compares the pool with the model.
func (m *model) check() {
	for _, l := range m.leases {
		l.check(m.t)
	}
	s := m.p.Stats()
	balanced(m.t, s)
	var gets, puts uint64
	for _, c := range s.Classes {
		gets += c.Gets
		puts += c.Puts
	}
	if gets != m.gets || puts != m.puts || s.InUse != m.inUse || s.Refused != m.refused {
		m.t.Errorf("got %d gets, %d puts, %d bytes in use, %d refused, want %d, %d, %d, %d",
			gets, puts, s.InUse, s.Refused, m.gets, m.puts, m.inUse, m.refused)
	}
	if got := discarded(s)[pool.DiscardLost]; got != 0 {
		m.t.Errorf("got %d lost, want none: all handles are kept", got)
	}
}

// checks are the kinds of pool that must agree with the model.
var checks = []struct {
	name  string
	check *pool.Check
}{
	{"plain", nil},
	{"checked", &pool.Check{}},
	{"no_reuse", &pool.Check{NoReuse: true}},
}

// FuzzPool holds one property: after any sequence of operations the pool, checked or not, agrees with the model. The first two
// bytes choose budget and floor, and each two after them are an operation.
func FuzzPool(f *testing.F) {
	f.Add([]byte("\x10\x04"))
	f.Add([]byte("\x08\x00\x00\x01\x00\x05\x03\x00\x00\x06\x06\x00"))                         // room made from an idle slab
	f.Add([]byte("\x02\x02\x00\x05\x00\x05\x00\x01\x02\x00\x03\x00\x06\x05\x03\x00\x06\x05")) // refused, retained, stale
	f.Add([]byte("\x40\x20\x00\x0b\x00\x0b\x03\x00\x07\x00\x07\x00\x07\x00\x00\x0b\x05\x80")) // collections between
	f.Add([]byte("\x20\x40\x00\x0d\x00\x0e\x00\x00\x05\xff\x05\x00\x04\x00"))                 // bad sizes, lengths
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) < 2 || len(program) > 600 {
			return
		}
		for _, kind := range checks {
			o := pool.Options{Budget: int64(program[0])*4096 + 4096, Floor: int64(program[1]) * 4096, Check: kind.check}
			m := &model{t: t, p: newPool(t, o), budget: o.Budget}
			for ops := program[2:]; len(ops) >= 2; ops = ops[2:] {
				m.step(ops[0], ops[1])
				m.check()
			}
			for len(m.leases) > 0 {
				m.release(m.leases[0], 0)
			}
			m.check()
		}
	})
}

// TestModelLong is the same property on longer programs than the fuzzer makes.
func TestModelLong(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 21 {
		o := pool.Options{Budget: r.Int64N(1<<20) + 4096, Floor: r.Int64N(1 << 20), Check: checks[i%len(checks)].check}
		m := &model{t: t, p: newPool(t, o), budget: o.Budget}
		for range 500 {
			m.step(byte(r.Uint32()), byte(r.Uint32()))
			m.check()
		}
		for len(m.leases) > 0 {
			m.release(m.leases[0], 0)
		}
		m.check()
	}
}

// worker is one goroutine of TestModelConcurrent. It knows its own leases exactly, and gives retained handles to others.
type worker struct {
	t      *testing.T
	p      *pool.Pool
	r      *rand.Rand
	shared chan lease // retained handles for whichever goroutine takes them
	stamps *atomic.Uint64
	leases []*lease
	gets   uint64
}

func (w *worker) step() {
	switch w.r.IntN(8) {
	case 0, 1, 2:
		n := w.r.IntN(64 * kib)
		b, err := w.p.Get(n)
		if errors.Is(err, pool.ErrBudget) {
			w.releaseOne()
			return
		} else if err != nil {
			w.t.Errorf("Get(%d): %v", n, err)
			return
		}
		w.gets++
		l := &lease{buf: b, n: n}
		l.put(w.stamps.Add(1))
		w.leases = append(w.leases, l)
	case 3:
		if len(w.leases) > 0 {
			l := *w.leases[w.r.IntN(len(w.leases))]
			l.buf = l.buf.Retain()
			select {
			case w.shared <- l:
			default:
				l.buf.Release()
			}
		}
	case 4:
		select {
		case l := <-w.shared:
			l.check(w.t)
			l.buf.Release()
		default:
		}
	default:
		w.releaseOne()
	}
}

func (w *worker) releaseOne() {
	if len(w.leases) == 0 {
		return
	}
	i := w.r.IntN(len(w.leases))
	l := w.leases[i]
	w.leases[i] = w.leases[len(w.leases)-1]
	w.leases = w.leases[:len(w.leases)-1]
	l.check(w.t)
	l.buf.Release()
}

// TestModelConcurrent: 64 goroutines get, retain, hand over and release at random, under a budget that makes them compete, while
// collections run. No buffer is ever written by two owners, no lease is miscounted, and the budget holds in every reading.
func TestModelConcurrent(t *testing.T) {
	for _, kind := range checks {
		t.Run(kind.name, func(t *testing.T) { modelConcurrent(t, kind.check) })
	}
}

func modelConcurrent(t *testing.T, check *pool.Check) {
	const workers, steps, budget = 64, 1000, 2 << 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := newPool(t, pool.Options{Budget: budget, Floor: budget / 2, Check: check})
	shared := make(chan lease, workers)
	var stamps, gets atomic.Uint64
	var wg sync.WaitGroup
	for g := range workers {
		wg.Go(func() {
			w := worker{t: t, p: p, r: rand.New(rand.NewPCG(seed, uint64(g))), shared: shared, stamps: &stamps}
			for range steps {
				w.step()
				runtime.Gosched() // so that all hold leases together on one processor too
			}
			for len(w.leases) > 0 {
				w.releaseOne()
			}
			gets.Add(w.gets)
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		balanced(t, p.Stats())
		runtime.GC()
	}
	for range len(shared) {
		l := <-shared
		l.check(t)
		l.buf.Release()
	}
	s := p.Stats()
	balanced(t, s)
	var counted uint64
	for _, c := range s.Classes {
		counted += c.Gets
	}
	if counted != gets.Load() || s.InUse != 0 || discarded(s)[pool.DiscardLost] != 0 {
		t.Errorf("at rest: got %d gets, %d bytes in use, discards %v, want %d, 0 and none lost", counted, s.InUse, discarded(s), gets.Load())
	}
	if discarded(s)[pool.DiscardBudget] == 0 || s.Refused == 0 {
		t.Errorf("got %d discards for the budget and %d refusals: the budget was not tight, so little was tested",
			discarded(s)[pool.DiscardBudget], s.Refused)
	}
}
