package direct

import "sync"

var rings sync.Pool

type ring struct{ alloc, data []byte }

// Right: what is got stays in a field, which release puts back; what is too small is dropped.
func (r *ring) init(n int) {
	var made []byte
	if v := rings.Get(); v != nil {
		bp := v.(*[]byte)
		if cap(*bp) >= n {
			made = (*bp)[:n]
		}
	}
	if made == nil {
		made = make([]byte, n)
	}
	if r.alloc != nil {
		copy(made, r.alloc)
		old := r.alloc[:cap(r.alloc)]
		rings.Put(&old)
	}
	r.alloc = made
	r.data = r.alloc[2:]
}

func (r *ring) release() {
	if r.alloc != nil {
		buf := r.alloc[:cap(r.alloc)]
		rings.Put(&buf)
		r.alloc, r.data = nil, nil
	}
}

// Wrong: it is lost where it was got.
func (r *ring) measure(n int, ok bool) int {
	var made []byte
	if v := rings.Get(); v != nil { // want `v from rings.Get is not put back when the function returns at line 47: the pool loses it`
		bp := v.(*[]byte)
		made = (*bp)[:n]
	}
	if made != nil {
		if !ok {
			return 0
		}
		r.alloc = made
	}
	return len(r.alloc)
}
