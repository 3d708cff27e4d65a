package later

import (
	"bytes"
	"sync"
)

var earlierPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// earlier has a defer that runs last and uses what another defer has put back.
func earlier(n int) {
	var b *bytes.Buffer
	defer func() { // want `this defer uses a value that was put back before, in line 19: by then it may be somebody else's`
		if b != nil {
			b.WriteByte('x')
		}
	}()
	b = earlierPool.Get().(*bytes.Buffer)
	defer earlierPool.Put(b)
	b.Grow(n)
}

// asked is right: its defer only asks whether there is one.
func asked(n int) (failed bool) {
	var b *bytes.Buffer
	defer func() { failed = b == nil }()
	b = earlierPool.Get().(*bytes.Buffer)
	defer earlierPool.Put(b)
	b.Grow(n)
	return false
}

// cleared is right: there is none left when its defer runs.
func cleared(n int) {
	var b *bytes.Buffer
	defer func() {
		if b != nil {
			b.WriteByte('x')
		}
	}()
	b = earlierPool.Get().(*bytes.Buffer)
	b.Grow(n)
	earlierPool.Put(b)
	b = nil
}

func twoDefers(n int) {
	b := earlierPool.Get().(*bytes.Buffer)
	defer earlierPool.Put(b)
	defer earlierPool.Put(b) // want `a value is put back here and again by the defer in line 49`
	b.Grow(n)
}
