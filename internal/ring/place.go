package ring

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	socketName = "ring.sock"
	dirName    = "steadyframe"
)

// DefaultDir returns the directory that the socket of this user's server is in by default: the same for the server and its
// clients. It need not exist.
func DefaultDir() string {
	uid := strconv.Itoa(os.Geteuid())
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && isDir(dir) {
		return filepath.Join(dir, dirName)
	}
	if dir := "/run/user/" + uid; isDir(dir) {
		return filepath.Join(dir, dirName)
	}
	return "/tmp/" + dirName + "-" + uid
}

// DefaultPath returns the path of the socket in DefaultDir.
func DefaultPath() string { return filepath.Join(DefaultDir(), socketName) }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// CheckDir returns nil if dir is private: a directory, no symbolic link, of this user, in which nobody else may write.
func CheckDir(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("ring: %w", err)
	case !info.IsDir():
		return fmt.Errorf("ring: %s: got %s, want a directory", dir, info.Mode())
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("ring: %s: others may write into it (%s), want mode 0700", dir, info.Mode())
	}
	if owner, ok := ownerOf(info); ok && owner != os.Geteuid() {
		return fmt.Errorf("ring: %s: belongs to user %d, want %d", dir, owner, os.Geteuid())
	}
	return nil
}

// MakeDir makes dir, if it is not there, and checks it as CheckDir does.
func MakeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("ring: %w", err)
	}
	return CheckDir(dir)
}
