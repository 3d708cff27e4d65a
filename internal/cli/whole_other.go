//go:build !linux

package cli

import (
	"os"
	"path/filepath"
)

// wholeFiles writes files of one folder, each whole or not at all.
type wholeFiles struct{ dir, temp string }

// openWholeFiles returns the writer for dir, in which temp is the name of the file that is not whole yet.
func openWholeFiles(dir, temp string) (wholeFiles, error) {
	return wholeFiles{dir: dir, temp: filepath.Join(dir, temp)}, nil
}

// write makes the file called name hold data, or leaves it as it was.
func (w *wholeFiles) write(name, data []byte) error {
	err := os.WriteFile(w.temp, data, 0o666)
	if err == nil {
		err = os.Rename(w.temp, filepath.Join(w.dir, string(name)))
	}
	if err != nil {
		os.Remove(w.temp)
	}
	return err
}

func (w *wholeFiles) close() {}
