//go:build !linux

package live

func runAsChild() bool { return false }
