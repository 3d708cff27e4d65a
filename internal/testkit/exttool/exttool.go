// Package exttool finds programs from outside that tests compare with.
package exttool

import (
	"os"
	"os/exec"
	"testing"
)

// Require returns the path of the program called name. Where there is none it skips t and names the Debian package
// that has it, or, where the environment says CI=true, fails t: there, what a test needs is to be installed.
func Require(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s on PATH (Debian package %s)", name, debianPackage)
	}
	t.Skipf("no %s on PATH (Debian package %s)", name, debianPackage)
	return ""
}
