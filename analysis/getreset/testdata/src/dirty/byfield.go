package dirty

import (
	"bytes"
	"sync"
)

type kept[E any] struct {
	p     sync.Pool
	limit int
}

func (k *kept[E]) get() E { return k.p.Get().(E) }

func (k *kept[E]) put(v E) { k.p.Put(v) }

var texts = &kept[*bytes.Buffer]{p: sync.Pool{New: func() any { return new(bytes.Buffer) }}}

func write(s string) string {
	b := texts.get() // want `is used in line .* without Reset`
	defer texts.put(b)
	b.WriteString(s)
	return b.String()
}
