//go:build !linux

package ffmpeg

func runAsChild() bool { return false }
