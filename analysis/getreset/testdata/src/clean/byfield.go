package clean

import (
	"bytes"
	"sync"
)

// kept has the function by which its values are reset in a field, which says whether they are worth to be kept.
type kept[E any] struct {
	p     sync.Pool
	reset func(E) bool
}

func (k *kept[E]) get() E { return k.p.Get().(E) }

func (k *kept[E]) put(v E) {
	if k.reset(v) {
		k.p.Put(v)
	}
}

var texts = &kept[*bytes.Buffer]{
	p:     sync.Pool{New: func() any { return new(bytes.Buffer) }},
	reset: func(b *bytes.Buffer) bool { b.Reset(); return b.Cap() < 1<<16 },
}

func write(s string) string {
	b := texts.get()
	defer texts.put(b)
	b.WriteString(s)
	return b.String()
}
