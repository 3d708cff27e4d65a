// Package pause waits for a while that a context may end.
package pause

import (
	"context"
	"time"
)

// For waits for d, or until ctx is done, and returns its cause then.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
