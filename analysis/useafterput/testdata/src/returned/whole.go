package returned

import "sync"

type result struct {
	items []string
	n     int
}

var results = sync.Pool{New: func() any { return new(result) }}

func putResult(r *result) { r.items = r.items[:0]; results.Put(r) }

// Wrong.

func sum(in []string) result {
	r := results.Get().(*result)
	r.items = append(r.items, in...)
	c := *r
	putResult(r)
	return c // want `sum returns memory that was put back in line 20`
}
func sumDeferred(in []string) result {
	r := results.Get().(*result)
	defer putResult(r)
	r.items = append(r.items, in...)
	return *r // want `sumDeferred returns memory that goes back to the pool`
}

// Right.

func sumRenewed(in []string) result {
	r := results.Get().(*result)
	defer putResult(r)
	r.items = append(r.items, in...)
	c := *r
	c.items = append([]string(nil), r.items...)
	return c
}

func number(in []string) int {
	r := results.Get().(*result)
	defer putResult(r)
	r.items = append(r.items, in...)
	c := *r
	return c.n
}
