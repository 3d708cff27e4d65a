package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/pool"
)

// SkippedError names the files of a folder that were skipped. All other files were processed.
type SkippedError struct {
	Files []*stills.FileError // the first of them
	N     int                 // how many there are
	Of    int                 // files in all
}

// maxSkipped is how many skipped files are named.
const maxSkipped = 100

func (e *SkippedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "skipped %d of %s: ", e.N, count(e.Of, "file"))
	for i, f := range e.Files {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Error())
	}
	if more := e.N - len(e.Files); more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

// folderInput is an input of several image files.
type folderInput struct {
	*stills.Reader
	files   stills.Files
	skipped SkippedError
}

// openFolderInput opens in if it is a folder or a pattern; ok is false if it is neither.
func openFolderInput(ctx context.Context, in Input, p *pool.Pool) (f *folderInput, ok bool, err error) {
	files, err := stills.List(in.Path)
	switch {
	case errors.Is(err, stills.ErrNotMany):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", in.name(), err)
	case in.Raw.Format != 0:
		return nil, false, usagef("%s is more than one file: raw frames are read from one", in.name())
	}
	return newFolderInput(ctx, in, files, p), true, nil
}

func newFolderInput(ctx context.Context, in Input, files stills.Files, p *pool.Pool) *folderInput {
	f := &folderInput{files: files, skipped: SkippedError{Of: len(files.Names)}}
	f.Reader = stills.New(ctx, files.Names, p, stills.Options{Strict: in.Strict, Loop: in.Loop, Skipped: f.skip})
	return f
}

func (f *folderInput) skip(e *stills.FileError) {
	f.skipped.N++
	if len(f.skipped.Files) < maxSkipped {
		f.skipped.Files = append(f.skipped.Files, e)
	}
}

// err returns a *SkippedError if files were skipped.
func (f *folderInput) err() error {
	if f.skipped.N == 0 {
		return nil
	}
	return &f.skipped
}

// warning tells of subfolders, which are not entered.
func (f *folderInput) warning() string {
	if len(f.files.Folders) == 0 {
		return ""
	}
	return fmt.Sprintf("%s not entered: the first is %s", countOf(len(f.files.Folders), "subfolder was", "subfolders were"), f.files.Folders[0])
}

// source returns the frames of the files. It reads the first.
func (f *folderInput) source(in Input, p *pool.Pool) (*Source, error) {
	r := &upcoming{next: f.NextFrame, in: in}
	if err := r.open(); err != nil {
		if err == io.EOF {
			err = fmt.Errorf("none of its files is an image that can be read: %w", &f.skipped)
		}
		return nil, fmt.Errorf("%s: %w", in.name(), err)
	}
	return &Source{Reader: r, Total: len(f.files.Names), close: r.close, warning: f.warning, skipped: f.err}, nil
}

// upcoming is an ingest.Reader of the frames that next returns. It reads the first one ahead to know its geometry.
type upcoming struct {
	next func() (frame.Frame, error)
	in   Input
	head frame.Frame // zero after it was returned
	has  bool
	desc frame.Desc
}

// open reads the first frame.
func (r *upcoming) open() error {
	f, err := r.read()
	if err == nil {
		r.head, r.has, r.desc = f, true, f.Desc
	}
	return err
}

// read reads a frame, with the range and matrix that the user gave.
func (r *upcoming) read() (frame.Frame, error) {
	f, err := r.next()
	if err == nil && f.Desc.Format.IsYUV() {
		if r.in.Range != frame.RangeDefault {
			f.Desc.Range = r.in.Range
		}
		if r.in.Color != nil {
			f.Desc.Color = *r.in.Color
		}
	}
	return f, err
}

// Desc returns the geometry of the first frame; others may have another.
func (r *upcoming) Desc() frame.Desc { return r.desc }

// Next is part of ingest.Reader.
func (r *upcoming) Next() (frame.Frame, error) {
	if r.has {
		r.has = false
		return r.head, nil
	}
	return r.read()
}

// close releases a frame that was read ahead.
func (r *upcoming) close() error {
	if r.has {
		r.has = false
		r.head.Release()
	}
	return nil
}

// isStill reports whether path has the name of a single image: data after it in the file is not another frame.
func isStill(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo":
		return true
	}
	return false
}
