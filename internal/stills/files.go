package stills

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/steadyframe/steadyframe/internal/natural"
)

// Files is a list of image files, in natural order: img2 comes before img10.
type Files struct {
	Names   []string // paths
	Folders []string // paths of subfolders, which are not entered
}

// ErrNotMany is returned by List for the name of a single file, or of nothing.
var ErrNotMany = errors.New("stills: neither a folder nor a pattern")

// List returns the files of a folder, or those that match a pattern of filepath.Match, such as "photos/*.jpg". If a file
// of that very name exists, the name is not a pattern, and List returns ErrNotMany. Files whose names begin with a dot are
// left out.
func List(path string) (Files, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return listFolder(path)
	case err == nil || !strings.ContainsAny(path, "*?["):
		return Files{}, ErrNotMany
	}
	if _, err := os.Lstat(path); err == nil {
		return Files{}, ErrNotMany
	}
	names, err := filepath.Glob(path)
	if err != nil {
		return Files{}, fmt.Errorf("%s does not exist, and is malformed as a pattern", path)
	}
	var f Files
	for _, name := range names {
		if !strings.HasPrefix(filepath.Base(name), ".") {
			f.add(name)
		}
	}
	if len(f.Names) == 0 {
		return f, fmt.Errorf("no file is called %s, and none matches it as a pattern", path)
	}
	f.sort()
	return f, nil
}

func listFolder(path string) (Files, error) {
	folder, err := os.Open(path)
	if err != nil {
		return Files{}, withoutPath(err)
	}
	defer folder.Close()
	var f Files
	for {
		entries, err := folder.ReadDir(1000)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				f.add(filepath.Join(path, e.Name()))
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return Files{}, withoutPath(err)
		}
	}
	f.sort()
	if len(f.Names) == 0 {
		return f, errors.New("the folder has no files")
	}
	return f, nil
}

func (f *Files) add(name string) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		f.Folders = append(f.Folders, name)
	} else {
		f.Names = append(f.Names, name) // Unreadable ones are skipped later.
	}
}

func (f *Files) sort() {
	slices.SortFunc(f.Names, natural.Compare)
	slices.SortFunc(f.Folders, natural.Compare)
}

// withoutPath returns err without the operation and path that package os puts before it.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
