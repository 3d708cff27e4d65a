package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Prepare makes dir where there is none, and returns an error that says its path where no files can be made in it. It is for
// knowing before anything is measured whether Page.Write can write.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	f, err := os.CreateTemp(dir, ".report-*.tmp")
	if err != nil {
		return fmt.Errorf("report: no file can be made in %s: %w", dir, errors.Unwrap(err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// writeWhole makes the file of that path hold data, or leaves it as it was. Errors say the path.
func writeWhole(path string, data []byte) error {
	dir, name := filepath.Split(path)
	temp := fmt.Sprintf("%s.%s.%d.tmp", dir, name, os.Getpid()) // not what another process writes
	err := os.WriteFile(temp, data, 0o666)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("report: writing %s: %w", path, err)
	}
	return nil
}
