package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err, took := For(t.Context(), time.Hour), time.Since(began); err != nil || took != time.Hour {
			t.Errorf("got %v after %v, want nil after 1h", err, took)
		}
		over := errors.New("over")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(over) })
		began = time.Now()
		if err, took := For(ctx, time.Hour), time.Since(began); err != over || took != time.Minute {
			t.Errorf("got %v after %v, want the cause of the context after 1m", err, took)
		}
	})
}
