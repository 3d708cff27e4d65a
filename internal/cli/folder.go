package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// folder is a Sink that keeps each image in a file of its own, whole or not at all: it writes a hidden file of the same folder and renames
// it. It does not wait for the disk.
type folder struct {
	path  string
	made  bool // it was not there before
	files wholeFiles
	name  []byte // of the last image
	n     int    // images
}

func openFolder(path string, force bool) (*folder, error) {
	_, err := os.Stat(path)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("output folder %s: %w", path, withAdvice(err))
	}
	if !force {
		if old := firstImage(path); old != "" {
			return nil, fmt.Errorf("output folder %s holds %s already: choose another folder, or add --force to write over such files", path, old)
		}
	}
	temp, err := tempName(path) // also tells at once whether the folder can be written
	if err != nil {
		return nil, fmt.Errorf("output folder %s: %w", path, withAdvice(err))
	}
	files, err := openWholeFiles(path, filepath.Base(temp))
	if err != nil {
		return nil, fmt.Errorf("output folder %s: %w", path, withAdvice(err))
	}
	return &folder{path: path, made: made, files: files}, nil
}

// Write keeps image n, as Sink says. It allocates nothing on Linux.
func (f *folder) Write(n int, jpeg []byte) error {
	f.name = appendImageName(f.name[:0], n)
	if err := f.files.write(f.name, jpeg); err != nil {
		return fmt.Errorf("cannot write %s: %w", filepath.Join(f.path, string(f.name)), withAdvice(err))
	}
	f.n++
	return nil
}

// Close ends the output: what is there is whole, whether the run was or not.
func (f *folder) Close(bool) error {
	f.files.close()
	if f.made && f.n == 0 {
		os.Remove(f.path) // unless someone else has put something there
	}
	return nil
}

// appendImageName appends the name of image n to dst: frame-000001.jpg.
func appendImageName(dst []byte, n int) []byte {
	dst = append(dst, "frame-"...)
	for least := 100_000; n < least && least > 1; least /= 10 {
		dst = append(dst, '0')
	}
	return append(strconv.AppendInt(dst, int64(n), 10), ".jpg"...)
}

// firstImage returns the name of an image that an earlier run left in dir, or "".
func firstImage(dir string) string {
	d, err := os.Open(dir)
	if err != nil {
		return ""
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			if ok, _ := filepath.Match("frame-*.jpg", name); ok {
				return name
			}
		}
		if err != nil {
			return ""
		}
	}
}
