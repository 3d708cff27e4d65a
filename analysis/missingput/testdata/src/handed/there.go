package handed

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var errGone = errors.New("gone")

var errLate = errors.New("late")

type message struct {
	seq  int
	data []byte
}

type store interface {
	load(seq int, into *message) (*message, error)
}

var messages = sync.Pool{New: func() any { return new(message) }}

func newMessage() *message { return messages.Get().(*message) }

func (m *message) free() {
	*m = message{}
	messages.Put(m)
}

// next goes on where the error is of a kind, with which the message was put back.
func next(s store, seqs []int) (*message, error) {
	for _, seq := range seqs {
		m := newMessage()
		got, err := s.load(seq, m)
		if got == nil || err != nil {
			m.free()
			m = nil
		}
		if err == errGone || err == errLate {
			continue
		}
		return m, err
	}
	return nil, io.EOF
}

// nextWrong puts it back with the other errors alone.
func nextWrong(s store, seqs []int) (*message, error) {
	for _, seq := range seqs {
		m := newMessage() // want `m from newMessage is not put back before another is got in its place`
		got, err := s.load(seq, m)
		if err == errGone {
			continue
		}
		if got == nil || err != nil {
			m.free()
			m = nil
		}
		return m, err
	}
	return nil, io.EOF
}

var chunks = sync.Pool{New: func() any { return new([64]byte) }}

func getChunk() []byte { return chunks.Get().(*[64]byte)[:0] }

func putChunk(b []byte) { chunks.Put((*[64]byte)(b[:64])) }

// closing puts the chunk back where there is one.
func closing(status int, w io.Writer) error {
	var msg []byte
	if status != 0 {
		msg = append(getChunk(), byte(status))
	}
	_, err := w.Write(msg)
	if len(msg) > 0 {
		putChunk(msg)
	}
	return err
}

func closingWrong(status int, w io.Writer) error {
	msg := getChunk() // want `msg from getChunk is not put back when the function returns`
	msg = append(msg, byte(status))
	if _, err := w.Write(msg); err != nil {
		return err
	}
	if len(msg) > 0 {
		putChunk(msg)
	}
	return nil
}

// header returns memory of the header, too.
func header(n int) (head, key []byte) {
	head = getChunk()[:16]
	key = head[n : n+4]
	return head[:n+4], key
}

func queue(n int, q *[][]byte) {
	h, key := header(n)
	mask(key)
	*q = append(*q, h)
}

func mask(b []byte) {
	for i := range b {
		b[i] ^= 0x55
	}
}

// coder holds a buffer until what it reads ends.
type coder struct {
	in  io.Reader
	buf *bytes.Buffer
}

// Coder is used by others.
type Coder = coder

var coderBufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newCoder(in io.Reader) *coder {
	return &coder{in, coderBufs.Get().(*bytes.Buffer)}
}

// Read is part of io.Reader.
func (c *coder) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

func (c *coder) end() {
	coderBufs.Put(c.buf)
	c.buf = nil
}

func (c *coder) len() int { return c.buf.Len() }

func hashed(in io.Reader, sum io.Writer) error {
	c := newCoder(in)
	_, err := io.Copy(sum, c)
	return err
}

func hashedWrong(in io.Reader) int {
	c := newCoder(in) // want `c from newCoder holds a value of coderBufs, which is not put back`
	return c.len()
}

// A packet is memory of the buffer: who has one for good has to put the buffer back, or nobody can.
type packets struct{ all [][]byte }

func (p *packets) deliver(b []byte, sync bool) {
	if sync {
		return
	}
	p.all = append(p.all, b)
}

func (p *packets) split(r io.Reader) error {
	b := getChunk()[:64]
	if _, err := r.Read(b); err != nil {
		putChunk(b)
		return err
	}
	if b[0] == 0 {
		p.deliver(b[1:], true)
		putChunk(b)
		return nil
	}
	p.deliver(b[1:32], false)
	p.deliver(b[32:], false)
	return nil
}

type record struct {
	b    []byte
	next *record
}

var records = sync.Pool{New: func() any { return &record{b: make([]byte, 64)} }}

func (p *packets) splitRecord(r io.Reader) error {
	rec := records.Get().(*record)
	if _, err := r.Read(rec.b); err != nil {
		records.Put(rec)
		return err
	}
	if rec.b[0] == 0 {
		records.Put(rec)
		return nil
	}
	p.deliver(rec.b[1:32], false)
	return nil
}

// Somebody has what a function returns, on one of its paths: it is stored in what it refers to, which may have another like it already.

type graph struct{ nodes []*node }

type node struct {
	g  *graph
	id int
}

var nodes = sync.Pool{New: func() any { return new(node) }}

func (g *graph) add(n *node) *node {
	for _, old := range g.nodes {
		if old.id == n.id {
			return old
		}
	}
	g.nodes = append(g.nodes, n)
	return n
}

func unique(g *graph, id int) *node {
	n := nodes.Get().(*node)
	n.g, n.id = g, id
	if g == nil {
		return n
	}
	in := n.g.add(n)
	if in != n {
		nodes.Put(n)
	}
	return in
}

func derive(g *graph, id int) (*node, error) {
	if id < 0 {
		return nil, errors.New("negative")
	}
	return unique(g, id), nil
}

func both(g *graph, a, b int) (*node, error) {
	n, err := derive(g, a)
	if err != nil {
		return nil, err
	}
	if _, err := derive(g, b); err != nil {
		return nil, err
	}
	return n, nil
}

func (g *graph) holds(n *node) bool {
	for _, old := range g.nodes {
		if old.id == n.id {
			return true
		}
	}
	return false
}

func alone(g *graph, id int) *node {
	n := nodes.Get().(*node)
	n.g, n.id = g, id
	if n.g == nil || !n.g.holds(n) {
		return n
	}
	n.id = 0
	return n
}

func lostAlone(g *graph, ready func() error) (int, error) {
	n := alone(g, 1) // want `n from alone is not put back when the function returns at line \d+ \(err != nil\)`
	if err := ready(); err != nil {
		return 0, err
	}
	id := n.id
	nodes.Put(n)
	return id, nil
}
