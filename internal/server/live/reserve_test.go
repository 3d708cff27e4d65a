package live

import (
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/pool"
)

// TestReserveWhileOthersWait: memory for what slow viewers hold is found while a request waits for much of it, which it could not have:
// else each such request would cut off a viewer that is merely slow. While one waits for little there is none.
func TestReserveWhileOthersWait(t *testing.T) {
	const mib = 1 << 20
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(&pool.Options{Budget: 64 * mib, Reserve: 16 * mib})
		admit := func(n int64) pool.Grant {
			g, err := p.Admit(t.Context(), n)
			if err != nil {
				t.Error(err)
			}
			return g
		}
		large := admit(40 * mib)
		waiting := make(chan pool.Grant, 2)
		go func() { waiting <- admit(20 * mib) }()
		synctest.Wait()
		r := reserve{pool: p}
		defer r.close()
		for _, step := range []struct {
			bytes int64
			want  bool
		}{{100 << 10, true}, {3 * mib, true}, {6 * mib, true}, {8 * mib, true}, {8*mib + 1, false}, {mib, true}} {
			if got := r.resize(step.bytes); got != step.want {
				t.Errorf("resize(%d) while another waits for much: got %v, want %v", step.bytes, got, step.want)
			}
		}
		little := []pool.Grant{}
		for range 15 - 1 { // all that is left of the others' part, and of the reserve
			little = append(little, admit(mib))
		}
		if s := p.Stats(); s.Waiting != 1 {
			t.Fatalf("got %d waiting, want those that ask for little to have found room", s.Waiting)
		}
		go func() { waiting <- admit(2 * mib) }()
		synctest.Wait()
		if r.resize(2 * mib) {
			t.Error("resize: got memory for which a request waits")
		}
		large.Release()
		for _, g := range little {
			g.Release()
		}
		(<-waiting).Release()
		(<-waiting).Release()
	})
}
