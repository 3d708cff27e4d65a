package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// pictures are the JPEG files of a folder, read one after the other as one stream.
type pictures struct {
	names []string // paths, of those that are still to be opened
	file  *os.File // nil between two
}

// openPictures opens the files of a folder that end in .jpg or .jpeg, in the order of their names.
func openPictures(dir string) (*pictures, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, fmt.Errorf("input folder %s: %w", dir, reason(err))
	}
	p := &pictures{}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); hasSuffixFold(ext, ".jpg") || hasSuffixFold(ext, ".jpeg") {
			p.names = append(p.names, filepath.Join(dir, e.Name()))
		}
	}
	if len(p.names) == 0 {
		return nil, fmt.Errorf("input folder %s has no pictures: want files that end in .jpg", dir)
	}
	return p, nil
}

// Read is part of io.Reader.
func (p *pictures) Read(b []byte) (int, error) {
	for {
		if p.file == nil {
			if len(p.names) == 0 {
				return 0, io.EOF
			}
			f, err := os.Open(p.names[0])
			if err != nil {
				return 0, fmt.Errorf("input %s: %w", p.names[0], reason(err))
			}
			p.file, p.names = f, p.names[1:]
		}
		n, err := p.file.Read(b)
		if n > 0 || err != io.EOF {
			return n, err
		}
		p.Close() // It was read to its end.
	}
}

// Close closes the file that is open.
func (p *pictures) Close() error {
	f := p.file
	p.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}
