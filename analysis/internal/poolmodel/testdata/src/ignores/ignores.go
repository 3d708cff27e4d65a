// Package ignores has comments that suppress reports.
package ignores

import "sync"

var pool sync.Pool

func withReason() any {
	//poolvet:ignore kept for the whole run
	return pool.Get()
}

func without() any {
	/* want `poolvet:ignore without a reason suppresses nothing` */ //poolvet:ignore
	return pool.Get()
}
