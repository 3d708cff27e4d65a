package direct

import (
	"errors"
	"io"
	"lib"
	"sync"
)

// What a loop gets for its next turn is lost when there is none.

var chains = sync.Pool{New: func() any { return new([]int) }}

func chainsOf(next []int) (all []*[]int) {
	path := chains.Get().(*[]int)
	*path = (*path)[:0]
	for i := 0; ; {
		if i >= len(next) {
			break
		}
		for ; i < len(next); i++ {
			*path = append(*path, i)
			if next[i] == i {
				all = append(all, path)
				path = chains.Get().(*[]int) // want `path from chains.Get is not put back when the function returns at line \d+ \(i >= len\(next\)\): the pool loses it`
				*path = (*path)[:0]
				i++
				break
			}
		}
	}
	return all
}

func chainsOfRight(next []int) (all []*[]int) {
	path := chains.Get().(*[]int)
	*path = (*path)[:0]
	for i := 0; ; {
		if i >= len(next) {
			chains.Put(path)
			break
		}
		for ; i < len(next); i++ {
			*path = append(*path, i)
			if next[i] == i {
				all = append(all, path)
				path = chains.Get().(*[]int)
				*path = (*path)[:0]
				i++
				break
			}
		}
	}
	return all
}

func recycle(all []*[]int) {
	for _, path := range all {
		chains.Put(path)
	}
}

// What was to be read into is lost at the end of the file.

type row = []int

type rowPool struct{ pool sync.Pool }

func (p *rowPool) get() row  { return p.pool.Get().(row) }
func (p *rowPool) put(r row) { p.pool.Put(r[:0]) }

type rowIterator struct {
	r    *lib.Lines
	pool *rowPool
}

func (i *rowIterator) next() (row, error) {
	rows := []row{i.pool.get()} // want `rows from i.pool.get is not put back when the function returns at line \d+ \(errors.Is\(err, io.EOF\)\): the pool loses it`
	n, err := i.r.ReadRows(rows)
	if n > 0 {
		return rows[0], nil
	}
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return nil, err
}

func (i *rowIterator) nextRight() (row, error) {
	rows := []row{i.pool.get()}
	n, err := i.r.ReadRows(rows)
	if n > 0 {
		return rows[0], nil
	}
	i.pool.put(rows[0])
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return nil, err
}

func (i *rowIterator) sum() (n int, err error) {
	r, err := i.next()
	if r == nil {
		return 0, err
	}
	for _, x := range r {
		n += x
	}
	i.pool.put(r)
	return n, nil
}
