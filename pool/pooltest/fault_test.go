package pooltest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestFailAt(t *testing.T) {
	p := pooltest.New(t, &pool.Options{Check: &pool.Check{Fault: pooltest.FailAt(2)}})
	for i := 1; i <= 3; i++ {
		b, err := p.Get(5000)
		b.Release()
		if (i == 2) != errors.Is(err, pool.ErrBudget) || (i != 2) != (err == nil) {
			t.Errorf("Get %d: got %v, want ErrBudget of the second alone", i, err)
		}
	}
}

func TestPanicAt(t *testing.T) {
	p := pooltest.New(t, &pool.Options{Check: &pool.Check{Fault: pooltest.PanicAt(2)}})
	for i := 1; i <= 3; i++ {
		func() {
			defer func() {
				if got := recover(); (i == 2) != (got == pooltest.Panic(2)) || (i != 2) != (got == nil) {
					t.Errorf("Get %d: got panic %v, want one in the second alone", i, got)
				}
			}()
			lease(t, p, 1).Release()
		}()
	}
}

func TestEndAt(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx, stop := pooltest.EndAt(parent, 3)
	defer stop()
	for i := 1; i <= 4; i++ {
		if err := ctx.Err(); (i >= 3) != errors.Is(err, context.Canceled) {
			t.Errorf("check %d: got %v, want context.Canceled from the third on", i, err)
		}
		select {
		case <-ctx.Done():
			if i < 3 {
				t.Errorf("check %d: done", i)
			}
		default:
			if i >= 3 {
				t.Errorf("check %d: not done", i)
			}
		}
	}
	never, stop := pooltest.EndAt(parent, 1000)
	defer stop()
	cancel()
	if never.Err() == nil {
		t.Error("the parent ended, and the context did not")
	}
}
