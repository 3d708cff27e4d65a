package clean

import "sync"

type dict map[string]any

var dicts = sync.Pool{New: func() any { return make(dict) }}

// Discard leaves nothing in it.
func (d dict) Discard() {
	for k := range d {
		delete(d, k)
	}
	dicts.Put(d)
}

func clone(from dict) dict {
	d := dicts.Get().(dict)
	for k, v := range from {
		d[k] = v
	}
	return d
}
