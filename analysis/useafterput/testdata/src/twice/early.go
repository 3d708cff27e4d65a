package twice

import "sync"

var (
	sized [4]sync.Pool
	sizes = [4]int{1 << 11, 1 << 13, 1 << 15, 1 << 17}
)

func alloc(size int) []byte {
	for i, n := range sizes {
		if size <= n {
			return sized[i].Get().([]byte)
		}
	}
	return make([]byte, size)
}

func free(b []byte) {
	size := cap(b)
	b = b[0:cap(b)]
	for i := len(sizes) - 1; i >= 0; i-- {
		if size >= sizes[i] {
			sized[i].Put(b)
			return
		}
	}
}

// Wrong: what a defer is given is what the variable has by then: v2fly/v2ray-core#3331.

func gather(parts [][]byte, done func([]byte)) {
	data := alloc(len(parts[0]))
	defer free(data)
	n := 0
	for _, part := range parts {
		if need := n + len(part); len(data) < need {
			longer := alloc(need)
			copy(longer, data)
			free(data) // want `put back here and again by the defer`
			data = longer
		}
		n += copy(data[n:], part)
	}
	done(data[:n])
}

// Right: the defer's function looks at the variable when it runs.

func gatherLate(parts [][]byte, done func([]byte)) {
	data := alloc(len(parts[0]))
	defer func() { free(data) }()
	n := 0
	for _, part := range parts {
		if need := n + len(part); len(data) < need {
			longer := alloc(need)
			copy(longer, data)
			free(data)
			data = longer
		}
		n += copy(data[n:], part)
	}
	done(data[:n])
}

// Right: the first one is kept to the end.

func gatherBoth(parts [][]byte, done func([]byte)) {
	data := alloc(len(parts[0]))
	defer free(data)
	for _, part := range parts {
		if len(data) < len(part) {
			data = alloc(len(part))
			defer free(data)
		}
		copy(data, part)
	}
	done(data)
}

// Right: what is put back may be told from what was, by itself.

type counted struct {
	data []byte
	put  bool
}

var counteds sync.Pool

func (c *counted) free() {
	if c.put {
		return
	}
	c.put = true
	counteds.Put(c)
}

func useCounted(fail bool) {
	c := counteds.Get().(*counted)
	defer c.free()
	if fail {
		c.free()
	}
}
