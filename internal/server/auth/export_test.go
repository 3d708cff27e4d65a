package auth

import (
	"context"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// Remembered returns how many addresses that guess c remembers.
func Remembered(c *Checker) int {
	c.guesses.mu.Lock()
	defer c.guesses.mu.Unlock()
	return len(c.guesses.peers)
}

// ScopesOf returns what i may do.
func ScopesOf(i *Identity) config.Scopes { return i.scopes }

// ReadKeys reads the keys of JSON Web Tokens from their URL.
func ReadKeys(c *Checker) error {
	keys, err := c.jwts.remote.read(context.Background())
	if err == nil {
		c.jwts.remote.newest.Store(&keys)
	}
	return err
}

// KeysWanted reports whether the keys of JSON Web Tokens are to be read again.
func KeysWanted(c *Checker) bool { return len(c.jwts.remote.woken) > 0 }
