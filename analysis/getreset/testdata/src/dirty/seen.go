package dirty

import "sync"

var seen = sync.Pool{New: func() any { return make(map[string]bool) }}

func distinct(words []string) int {
	m := seen.Get().(map[string]bool) // want `m from seen.Get is used in line 12 without Reset`
	n := 0
	for _, w := range words {
		if !m[w] {
			m[w] = true
			n++
		}
	}
	seen.Put(m)
	return n
}
