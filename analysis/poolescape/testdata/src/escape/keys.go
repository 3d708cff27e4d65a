package escape

import (
	"strings"
	"sync"
	"unsafe"
)

type mapKey struct{ b []byte }

var mapKeys = sync.Pool{New: func() any { return &mapKey{b: make([]byte, 0, 256)} }}

func newMapKey(name string) *mapKey {
	k := mapKeys.Get().(*mapKey)
	k.b = k.b[:0]
	k.b = append(k.b, name...)
	return k
}

func putMapKey(k *mapKey) { mapKeys.Put(k) }

func (k *mapKey) String() string { return *(*string)(unsafe.Pointer(&k.b)) }

type registry struct{ counts map[string]*int }

// Wrong: the key changes when another one is made: hamba/statter#47.
func (r *registry) count(name string) *int {
	k := newMapKey(name)
	defer putMapKey(k)
	if n, ok := r.counts[k.String()]; ok {
		return n
	}
	n := new(int)
	r.counts[k.String()] = n // want `k from newMapKey stays in a map although this function puts it back`
	return n
}

// Right: a copy is the key, it is only looked up, or the map is of this function.
func (r *registry) countCopy(name string) *int {
	k := newMapKey(name)
	defer putMapKey(k)
	if n, ok := r.counts[k.String()]; ok {
		return n
	}
	n := new(int)
	r.counts[strings.Clone(k.String())] = n
	return n
}

func (r *registry) countText(name string) {
	k := newMapKey(name)
	defer putMapKey(k)
	r.counts[string(k.b)] = new(int)
}

func (r *registry) countThere(name string) int {
	k := newMapKey(name)
	defer putMapKey(k)
	seen := map[string]bool{}
	seen[k.String()] = true
	return len(seen)
}
