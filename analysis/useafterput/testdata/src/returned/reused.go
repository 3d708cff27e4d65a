package returned

import "sync"

type item struct{ name string }

type batch struct {
	items  []item
	byName map[string]int
	given  []item
	err    error
}

var batches = sync.Pool{New: func() any { return &batch{byName: map[string]int{}} }}

func (b *batch) reset() {
	b.items = b.items[:0]
	b.given = b.given[:0]
	clear(b.byName)
}

func (b *batch) add(name string) {
	b.byName[name] = len(b.items)
	b.items = append(b.items, item{name})
}

func (b *batch) set(items []item) { b.given = items }

func putBatch(b *batch) {
	b.reset()
	batches.Put(b)
}

// Wrong.

func namesOf(names []string) []item {
	b := batches.Get().(*batch)
	defer putBatch(b)
	for _, n := range names {
		b.add(n)
	}
	return b.items // want `namesOf returns memory that goes back to the pool when the function returns \(defer in line 38\)`
}

func indexOf(names []string) map[string]int {
	b := batches.Get().(*batch)
	for _, n := range names {
		b.add(n)
	}
	byName := b.byName
	putBatch(b)
	return byName // want `indexOf returns memory that was put back in line 51: by now it may be somebody else's`
}

// Right.

func countOf(names []string) int {
	b := batches.Get().(*batch)
	defer putBatch(b)
	for _, n := range names {
		b.add(n)
	}
	return len(b.items)
}

func givenItems(items []item) []item {
	b := batches.Get().(*batch)
	defer putBatch(b)
	b.set(items)
	return b.given
}

func taken(names []string) []item {
	b := batches.Get().(*batch)
	defer putBatch(b)
	for _, n := range names {
		b.add(n)
	}
	items := b.items
	b.items = nil
	return items
}

func copiedItems(names []string) []item {
	b := batches.Get().(*batch)
	defer putBatch(b)
	for _, n := range names {
		b.add(n)
	}
	return append([]item(nil), b.items...)
}

func failed() error {
	b := batches.Get().(*batch)
	defer putBatch(b)
	return b.err
}

func appendedItems(names []string) (items []item) {
	b := batches.Get().(*batch)
	defer putBatch(b)
	for _, n := range names {
		b.add(n)
	}
	items = append(items, b.items...)
	return items
}

type entry struct{ next *entry }

type entries struct{ all []*entry }

func (e *entries) reset() { e.all = e.all[:0] }

var entryLists = sync.Pool{New: func() any { return new(entries) }}

func gatheredEntries(one *entry) (all []*entry) {
	e := entryLists.Get().(*entries)
	e.reset()
	defer entryLists.Put(e)
	e.all = append(e.all, one)
	all = append(all, e.all...)
	return all
}
