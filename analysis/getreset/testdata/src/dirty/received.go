package dirty

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
)

var datagrams = sync.Pool{New: func() any {
	b := make([]byte, 1<<16)
	return &b
}}

type query struct{ id uint16 }

func (q *query) Unpack(b []byte) error {
	q.id = binary.BigEndian.Uint16(b)
	return nil
}

func readAll(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

// More than what was received counts as a message: AdguardTeam/dnsproxy 78639eb.
func serveQuery(c net.Conn) (*query, error) {
	bp := datagrams.Get().(*[]byte)
	defer datagrams.Put(bp)
	buf := *bp
	n, err := readAll(c, buf)
	if err != nil && err != io.EOF || n < 12 {
		return nil, err
	}
	q := new(query)
	if binary.BigEndian.Uint16(buf[:2]) == uint16(n-2) {
		return q, q.Unpack(buf[2:]) // want `all of the slice is used, and not only what line 36 has read into it: the rest is what the last user of bp from datagrams.Get left`
	}
	return q, q.Unpack(buf[:n])
}

func textOf(r io.Reader) string {
	bp := datagrams.Get().(*[]byte)
	defer datagrams.Put(bp)
	buf := *bp
	if n, _ := r.Read(buf); n == 0 {
		return ""
	}
	return string(buf) // want `all of the slice is used, and not only what line 51 has read into it`
}

// Right: cut, told how much it is, or full.
func serveRight(c net.Conn, handle func([]byte, int)) (q query, text string, err error) {
	bp := datagrams.Get().(*[]byte)
	defer datagrams.Put(bp)
	buf := *bp
	n, err := c.Read(buf)
	if err != nil {
		return q, "", err
	}
	handleAll(buf, n)
	if err := q.Unpack(buf[:n]); err != nil {
		return q, "", err
	}
	text = string(buf[:n])
	head := buf[:4]
	if n, err = c.Read(head); err != nil || n != len(head) {
		return q, "", err
	}
	err = q.Unpack(head)
	if _, err := io.ReadFull(c, buf); err == nil {
		err = q.Unpack(buf)
	}
	buf = buf[:n]
	return q, text + string(buf), err
}

func handleAll([]byte, int) {}
