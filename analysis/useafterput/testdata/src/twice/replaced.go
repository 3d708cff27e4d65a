package twice

import (
	"bytes"
	"sync"
)

var batches = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newBatch() *bytes.Buffer { return batches.Get().(*bytes.Buffer) }

func flushAll(lines []string, send func([]byte)) {
	batch := newBatch()
	defer func() { batches.Put(batch) }()
	flush := func() {
		send(batch.Bytes())
		batches.Put(batch)
		batch = newBatch() // what the defer puts back
	}
	for _, line := range lines {
		batch.WriteString(line)
		if batch.Len() > 1<<10 {
			flush()
		}
	}
	flush()
}

func flushOnce(lines []string, send func([]byte)) {
	batch := newBatch()
	defer func() { batches.Put(batch) }()
	flush := func() {
		send(batch.Bytes())
		batches.Put(batch)
	}
	for _, line := range lines {
		batch.WriteString(line)
	}
	flush() // want `put back here and again by the defer`
}
