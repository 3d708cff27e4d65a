// Package taken puts back what it takes from channels, maps and lists.
package taken

import (
	"fmt"
	"sync"
)

type node struct {
	next *node
	val  int
}

type list struct{ head *node }

var nodes = sync.Pool{New: func() any { return new(node) }}

// Wrong.

func drain(ch chan *node) {
	for n := range ch {
		nodes.Put(n)
		fmt.Println(n.val) // want `use of a value after it was put back in line \d+: by now it may be somebody else's`
	}
}

func first(ch <-chan *node) int {
	n := <-ch
	nodes.Put(n)
	return n.val // want `use of a value after it was put back in line \d+: by now it may be somebody else's`
}

func remove(m map[string]*node, k string) *node {
	n := m[k]
	delete(m, k)
	nodes.Put(n)
	return n // want `remove returns memory that was put back`
}

func removeBoth(m map[string]*node, k string) {
	if n, ok := m[k]; ok {
		nodes.Put(n)
		delete(m, k)
		nodes.Put(n) // want `a value is put back twice`
	}
}

func freeAll(l *list) {
	for n := l.head; n != nil; n = n.next { // want `use of a value after it was put back in line \d+: by now it may be somebody else's`
		nodes.Put(n)
	}
}

func each(all []*node) (sum int) {
	for _, n := range all {
		nodes.Put(n)
		sum += n.val // want `use of a value after it was put back in line \d+: by now it may be somebody else's`
	}
	return sum
}

// Right.

func drainRight(ch chan *node) {
	for n := range ch {
		fmt.Println(n.val)
		nodes.Put(n)
	}
}

func freeRight(l *list) {
	for n := l.head; n != nil; {
		next := n.next
		nodes.Put(n)
		n = next
	}
}

func eachRight(all []*node) (sum int) {
	for i, n := range all {
		sum += n.val
		nodes.Put(n)
		all[i] = nil
	}
	return sum
}

func pop(l *list) *node { n := l.head; l.head = n.next; return n }

func popAll(l *list, k int) {
	for l.head != nil {
		n := pop(l)
		if n.val == k {
			nodes.Put(n)
			continue
		}
		fmt.Println(n.val)
		nodes.Put(n)
	}
}

func replaced(m map[string]*node, k string) *node {
	n := m[k]
	if n == nil || n.val == 0 {
		nodes.Put(n)
		n = new(node)
	}
	return n
}

func (n *node) set(v int, next *node) { n.val, n.next = v, next }

func (l *list) front() *node { return l.head }

func (n *node) following() *node { return n.next }

// exceptFirst puts back all but the first, and that at the end.
func exceptFirst(l *list) (sum int) {
	first := l.front()
	for n := first; n != nil; {
		sum += n.val
		if n == first {
			n = n.following()
		} else {
			old := n
			n = n.following()
			nodes.Put(old)
		}
	}
	l.head = nil
	nodes.Put(first)
	return sum
}

// without returns l's head, or another node.
func (n *node) without(val int) *node {
	if n.val == val {
		return n
	}
	return n.next
}

func dispose(val int) {
	n := nodes.Get().(*node)
	defer nodes.Put(n)
	if other := n.without(val); other != n {
		nodes.Put(other)
	}
}
