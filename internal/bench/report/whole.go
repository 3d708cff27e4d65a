package report

import (
	"fmt"
	"os"
	"path/filepath"
)

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
