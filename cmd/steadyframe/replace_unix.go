//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// replace makes this process the program at path. It returns only where that fails.
func replace(path string, args []string) error {
	err := syscall.Exec(path, append([]string{path}, args...), os.Environ())
	return fmt.Errorf("%s: %w", path, err)
}
