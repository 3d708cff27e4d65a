package auth

import (
	"os"
	"slices"

	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Users decides which users of this machine may connect where the kernel says who a peer is: the server's own, root, and those
// that a setting lists. Its methods may be called from any goroutine.
type Users struct{ allowed []int }

// NewUsers returns Users for the user ids of a setting.
func NewUsers(listed []int) *Users {
	return &Users{allowed: append([]int{os.Geteuid(), 0}, listed...)}
}

// Check returns nil if that user may connect, else a *fault.Error of kind Unauthorized.
func (u *Users) Check(uid int) error {
	if slices.Contains(u.allowed, uid) {
		return nil
	}
	return fault.Errorf(fault.Unauthorized, "user %d may not connect: want the server's own user, or one of ring.uids", uid)
}
