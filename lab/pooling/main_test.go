package pooling

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/race"
)

// TestMain makes this program what Config.Child starts, with the options of the tests beside the real ones.
func TestMain(m *testing.M) {
	if os.Getenv(turnVariable) != "" {
		if err := child(allOptions(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// allOptions are the real options and those that do what none may do.
func allOptions() []Option {
	return append(Options(),
		Option{Name: "leaks", lenders: func(n need) func() lender { return shared(&leaky{none: none{sizes: n.sizes}}) }},
		Option{Name: "shares", lenders: func(n need) func() lender { return shared(&sharing{none: none{sizes: n.sizes}}) }},
		Option{Name: "writes-after-put", keeps: true, lenders: func(n need) func() lender { return shared(&late{pool: newMutex(n)()}) }},
		Option{Name: "drops", keeps: true, lenders: newNone},
		Option{Name: "crashes", lenders: func(n need) func() lender { return shared(crashing{}) }},
		Option{Name: "hangs", lenders: func(n need) func() lender { return shared(hanging{}) }},
		Option{Name: "stalls", lenders: func(n need) func() lender { return shared(&stalling{none: none{sizes: n.sizes}}) }},
	)
}

// optionCalled returns one of allOptions.
func optionCalled(t testing.TB, name string) Option {
	t.Helper()
	o, err := optionsNamed(allOptions(), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	return o[0]
}

// leaky remembers inputs that were put back: 40 MB of them, which is enough.
type leaky struct {
	none
	mu   sync.Mutex
	lost [][]byte
}

func (o *leaky) put(l lease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.kind == inputBuffer && len(o.lost) < 60 {
		o.lost = append(o.lost, l.b)
	}
}

// sharing lends one input to all frames of a batch.
type sharing struct {
	none
	input []byte
}

func (o *sharing) begin() { o.input = make([]byte, o.sizes[inputBuffer]) }

func (o *sharing) get(k kind) lease {
	if k == inputBuffer {
		return lease{b: o.input, kind: k}
	}
	return o.none.get(k)
}

// late writes into an input that was put back long ago, and that another frame has by now.
type late struct {
	batchless
	pool lender
	last []byte
	gets int // since the last put
}

func (o *late) get(k kind) lease {
	if k == inputBuffer {
		o.gets++
		if o.gets == 2 && o.last != nil {
			clear(o.last[:len(o.last)/2])
		}
	}
	return o.pool.get(k)
}

func (o *late) put(l lease) {
	if l.kind == inputBuffer {
		o.last, o.gets = l.b, 0
	}
	o.pool.put(l)
}

// crashing and hanging do not lend anything.
type (
	crashing struct{ batchless }
	hanging  struct{ batchless }
)

func (crashing) get(kind) lease { panic("out of buffers on purpose") }
func (crashing) put(lease)      {}

func (hanging) get(kind) lease {
	<-time.After(time.Hour)
	return lease{}
}
func (hanging) put(lease) {}

// stallTime is how long a stalling takes for its tenth batch.
const stallTime = 200 * time.Millisecond

type stalling struct {
	none
	batches int
}

func (o *stalling) begin() {
	if o.batches++; o.batches == 10 {
		<-time.After(stallTime)
	}
}

// shortConfig is a run of options as short as it goes, in children that are this program.
func shortConfig(t testing.TB, options ...string) Config {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Options: options, Size: W1, Rounds: 1, Duration: minDuration, Rate: 48, Batch: 5, Concurrency: 1,
		Child: []string{program}, known: allOptions(),
	}
}

// heapFrames returns the frames of W1, on the heap. They are not to be changed.
var heapFrames = sync.OnceValue(func() *frames {
	w := W1.workload()
	f := &frames{size: w.sizes[inputBuffer]}
	_ = renderFrames(w, func(in []byte, hash uint64) error { // the error would be the function's
		f.data = append(f.data, in...)
		f.hashes = append(f.hashes, hash)
		return nil
	})
	return f
})

// skipChildren skips a test of many children under the race detector, whose start takes seconds each: TestOptions and others
// look for the same races within one process.
func skipChildren(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("many processes: no races between them")
	}
}
