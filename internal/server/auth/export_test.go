package auth

// Remembered returns how many addresses that guess c remembers.
func Remembered(c *Checker) int {
	c.guesses.mu.Lock()
	defer c.guesses.mu.Unlock()
	return len(c.guesses.peers)
}
