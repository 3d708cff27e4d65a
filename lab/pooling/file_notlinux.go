//go:build !linux

package pooling

import "os"

func anonymousFile() (*os.File, error) { return temporaryFile() }
