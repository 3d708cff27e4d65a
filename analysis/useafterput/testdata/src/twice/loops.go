//go:build go1.21

package twice

import "sync"

var slices = sync.Pool{New: func() any { return new([]uint64) }}

// Wrong.

func putAll(all [][]uint64) {
	var v []uint64
	for i := range all {
		v = all[i]
		slices.Put(&v) // want `each turn of the loop puts back the same pointer, &v: the pool lends it to as many at once`
	}
}

func putEach(all map[int][]uint64) {
	for _, v := range all {
		slices.Put(&v) // want `each turn of the loop puts back the same pointer, &v`
	}
}

// Right.

func putCopies(all map[int][]uint64) {
	for k := range all {
		v := all[k]
		slices.Put(&v)
	}
}

func putFirst(all [][]uint64) {
	var v []uint64
	for i := range all {
		v = all[i]
		if len(v) > 0 {
			slices.Put(&v)
			return
		}
	}
}

func putOne(all [][]uint64) {
	var v []uint64
	for _, x := range all {
		v = append(v, x...)
	}
	slices.Put(&v)
}
