//go:build unix

package ring

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user id that a file belongs to.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
