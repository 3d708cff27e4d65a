// Package pool has the signatures of the real one.
package pool

import "context"

type Pool struct{ n int }

type Buf struct{ p *int }

type Priority struct{}

type Grant struct{ n int64 }

type Of[T any] struct{ New func() *T }

func (p *Pool) Get(n int) (Buf, error)                            { return Buf{}, nil }
func (p *Pool) Admit(ctx context.Context, n int64) (Grant, error) { return Grant{}, nil }
func (p *Pool) TryAdmit(n int64) (Grant, bool)                    { return Grant{}, false }
func (q *Priority) Admit(ctx context.Context, n int64) (Grant, error) {
	return Grant{}, nil
}
func (b Buf) Release()      {}
func (b Buf) Retain() Buf   { return b }
func (b Buf) Bytes() []byte { return nil }
func (g Grant) Release()    {}
func (o *Of[T]) Get() *T    { return nil }
func (o *Of[T]) Put(t *T)   {}
