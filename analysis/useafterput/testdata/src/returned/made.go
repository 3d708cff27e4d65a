package returned

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
)

// Right: what is made of the memory is appended to other memory.

func accept(h hash.Hash, p []byte) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	return base64.StdEncoding.AppendEncode(p, h.Sum(b.Bytes()))
}

func decoded(p []byte) ([]byte, error) {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return hex.AppendDecode(p, b.Bytes())
}

func formatted(p []byte) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return fmt.Append(p, b.Bytes())
}

func sealed(a cipher.AEAD, nonce []byte) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return a.Seal(nil, nonce, b.Bytes(), nil)
}

func expanded(r *regexp.Regexp, p []byte) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return r.Expand(p, []byte("$1"), b.Bytes(), r.FindSubmatchIndex(b.Bytes()))
}

func replaced(r *regexp.Regexp) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return r.ReplaceAll(b.Bytes(), []byte("x"))
}

// Wrong: it is appended to the memory.

func encoded(p []byte) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return base64.StdEncoding.AppendEncode(b.Bytes(), p) // want `encoded returns memory that goes back`
}

func opened(a cipher.AEAD, nonce, p []byte) ([]byte, error) {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	return a.Open(b.AvailableBuffer(), nonce, p, nil) // want `opened returns memory that goes back`
}

// Right: what is not returned is put back. chewxy/hm and gorgonia.org/gorgonia.

type subs interface {
	clone() subs
	add(int) subs
	all() []int
}

func putSubs(s subs) {
	switch s := s.(type) {
	case *ints:
		s.list = s.list[:0]
		bufs.Put(s)
	}
}

type ints struct{ list []int }

func (s *ints) clone() subs    { return &ints{append([]int(nil), s.list...)} }
func (s *ints) add(i int) subs { s.list = append(s.list, i); return s }
func (s *ints) all() []int     { return s.list }

func unify(i int) (s subs, err error) {
	if i < 0 {
		return nil, fmt.Errorf("got %d, want a number that is not negative", i)
	}
	of := bufs.Get().(*ints)
	of.list = append(of.list, i)
	return of, nil
}

func compose(a, b subs) (made subs) {
	if b == nil {
		return a
	}
	made = b.clone()
	if a == nil {
		return
	}
	for _, i := range a.all() {
		made = made.add(i)
	}
	return made
}

func unifyMany(n int) (s subs, err error) {
	for i := range n {
		var next subs
		if next, err = unify(i); err != nil {
			return nil, err
		}
		if s == nil {
			s = next
		} else {
			both := compose(s, next)
			defer putSubs(next)
			if both != s {
				defer putSubs(s)
			}
			s = both
		}
	}
	return
}

func other(a, b *ints, more bool) *ints {
	got := bufs.Get().(*ints)
	s := got
	if more {
		s = a
	}
	if s != got {
		defer bufs.Put(got)
	}
	return s
}

type tree struct {
	name     string
	children []*tree
}

func putTree(t *tree) {
	t.name, t.children = "", nil
	bufs.Put(t)
}

func lift(t *tree) (made *tree, err error) {
	var child *tree
	if t.name == "" {
		return t, fmt.Errorf("got a tree without a name")
	}
	first, second := t.children[0], t.children[1]
	switch t.name {
	case "left":
		child = first
	case "right":
		child = second
	default:
		return t, fmt.Errorf("got %s, want left or right", t.name)
	}
	defer putTree(t)
	if t.name == "left" {
		if made, err = negate(child); err == nil {
			return negate(made)
		}
		return nil, fmt.Errorf("negate: %w", err)
	}
	return negate(child)
}

func negate(t *tree) (made *tree, err error) {
	if t.name == "" {
		return t, nil
	}
	return &tree{children: []*tree{t}}, nil
}

// Wrong: it is returned on one path.

func liftItself(t *tree) (made *tree, err error) {
	if len(t.children) > 0 {
		made = t.children[0]
	} else {
		made = t
	}
	defer putTree(t)
	return made, nil // want `liftItself returns memory that goes back`
}
