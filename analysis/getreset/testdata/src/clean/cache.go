package clean

import "sync"

var interned = sync.Pool{New: func() any { return make(map[string]string) }}

// intern wants what the map's last user left.
func intern(b []byte) string {
	m := interned.Get().(map[string]string)
	if s, ok := m[string(b)]; ok {
		interned.Put(m)
		return s
	}
	s := string(b)
	m[s] = s
	interned.Put(m)
	return s
}
