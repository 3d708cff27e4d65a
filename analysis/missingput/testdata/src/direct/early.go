package direct

import "sync"

var blocks = sync.Pool{New: func() any { return make([]byte, 2048) }}

type block struct{ data []byte }

func newBlock() *block { return &block{blocks.Get().([]byte)} }

func (b *block) free() {
	if b == nil || b.data == nil {
		return
	}
	blocks.Put(b.data)
	b.data = nil
}

var whole = sync.Pool{New: func() any { return new(block) }}

// Wrong: b is nil by then: v2fly/v2ray-core#3411.

func sendAll(next func() (push func(*block) bool)) {
	var b *block
	defer b.free() // want `this defer puts back nothing, since its variable is nil when the defer is reached: what the variable is given later is lost`
	for push := next(); push != nil; push = next() {
		if b == nil {
			b = newBlock() // want `is not put back`
		}
		if !push(b) {
			return
		}
		b = nil
	}
}

func sendWhole(next func() (push func(*block) bool)) {
	var b *block
	defer whole.Put(b) // want `this defer puts back nothing`
	if push := next(); push != nil {
		b = whole.Get().(*block) // want `is never put back`
		push(b)
	}
}

// Right: the defer's function looks at the variable when it runs.

func sendAllLate(next func() (push func(*block) bool)) {
	var b *block
	defer func() { b.free() }()
	for push := next(); push != nil; push = next() {
		if b == nil {
			b = newBlock()
		}
		if !push(b) {
			return
		}
		b = nil
	}
}

func sendOne(push func(*block)) {
	b := newBlock()
	defer b.free()
	push(b)
}
