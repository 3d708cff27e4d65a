package auth

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Users decides which users of this machine may connect where the kernel says who a peer is: the server's own, root, and those
// that a setting lists. Its methods may be called from any goroutine.
type Users struct {
	allowed []int
	record  *record
}

// NewUsers returns Users for the user ids of a setting, and logs what they do.
func NewUsers(listed []int, log *slog.Logger) *Users {
	return &Users{allowed: append([]int{os.Geteuid(), 0}, listed...), record: &record{log: log}}
}

// Identify returns that user, who may do everything but use the admin listener, or a *fault.Error of kind Unauthorized.
func (u *Users) Identify(uid int) (*Identity, error) {
	if slices.Contains(u.allowed, uid) {
		return &Identity{name: fmt.Sprintf("user %d", uid), scopes: config.AllScopes(), record: u.record}, nil
	}
	return nil, fault.Errorf(fault.Unauthorized, "user %d may not connect: want the server's own user, or one of ring.uids", uid)
}
