package ingest

import (
	"github.com/steadyframe/steadyframe/internal/kernel/huff"
	"github.com/steadyframe/steadyframe/pool"
)

// growing is a buffer that leases memory from its pool only for bytes that have come.
type growing struct {
	pool  *pool.Pool
	admit func(bytes int) error // called before it leases a buffer of so many bytes in place of its own; may be nil
	buf   pool.Buf              // its length is what was appended
}

// reserve makes room for n bytes more.
func (g *growing) reserve(n int) error {
	used := g.buf.Len()
	if used+n <= g.buf.Cap() {
		return nil
	}
	size := max(used+n, min(used+used/2, pool.MaxSize))
	if g.admit != nil {
		if err := g.admit(size); err != nil {
			return err
		}
	}
	larger, err := g.pool.Get(size)
	if err != nil {
		return err
	}
	copy(larger.Bytes(), g.buf.Bytes())
	larger.SetLen(used)
	g.buf.Release()
	g.buf = larger
	return nil
}

// append appends p, for which there is room.
func (g *growing) append(p []byte) {
	used := g.buf.Len()
	g.buf.SetLen(used + len(p))
	copy(g.buf.Bytes()[used:], p)
}

// tablesBytes is the size of a DHT segment of the four standard tables.
const tablesBytes = 2 + 2 + 2*(17+12) + 2*(17+162)

// insertTables inserts the standard tables before the marker with which the buffer ends. There is room for them.
func (g *growing) insertTables() {
	used := g.buf.Len()
	dst := g.buf.Bytes()[:used-2]
	dst = append(dst, 0xFF, markerDHT, (tablesBytes-2)>>8, (tablesBytes-2)&0xFF)
	for _, class := range [...]huff.Class{huff.Luma, huff.Chroma} {
		dst = appendTable(dst, byte(class), huff.DC(class))
		dst = appendTable(dst, 0x10|byte(class), huff.AC(class))
	}
	dst = append(dst, 0xFF, markerSOS)
	g.buf.SetLen(len(dst))
}

func appendTable(dst []byte, id byte, t *huff.Table) []byte {
	dst = append(dst, id)
	dst = append(dst, t.Counts[:]...)
	return append(dst, t.Values...)
}
