package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Sink is where images go.
type Sink interface {
	// Write keeps image n, which counts from 1. It borrows jpeg. After an error the image is not there, not even in part, and those
	// before it are; the error is for the user as it is.
	Write(n int, jpeg []byte) error
	// Close ends the output. commit says that all went well; without it an output that makes sense as a whole only is not left behind.
	Close(commit bool) error
}

// OpenSink opens out: "-" is stdout, a name that ends in .mjpeg or .mjpg is a file of JPEGs one after the other, .jpg or .jpeg is one
// image, a device or named pipe that exists gets JPEGs one after the other, and all else is a folder of frame-000001.jpg and so on, made
// when it is not there. A new folder whose name is that of a file of another kind ends in a slash. What is there already is written over with force alone. An error is a *UsageError when out can not be meant.
func OpenSink(out string, force bool, stdout *os.File) (Sink, error) {
	if out == "-" {
		if isTerminal(stdout) {
			return nil, usagef("standard output is a terminal: send it to a file or program, or name a folder or file with -o")
		}
		return newStream(stdout, "standard output"), nil
	}
	info, err := os.Stat(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("output %s: %w", out, withAdvice(err))
	}
	exists := err == nil
	if exists && info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
		return openStreamFile(out, os.O_WRONLY)
	}
	oneFile := hasSuffixFold(out, ".mjpeg") || hasSuffixFold(out, ".mjpg") || hasSuffixFold(out, ".jpg") || hasSuffixFold(out, ".jpeg")
	switch {
	case exists && !info.IsDir() && !oneFile:
		return nil, usagef("output %s is a file: name a folder, or a file that ends in .mjpeg or .jpg", out)
	case exists && !info.IsDir() && !force:
		return nil, fmt.Errorf("output %s exists already: choose another name, or add --force to write over it", out)
	case !exists && !oneFile && !hasSuffixFold(out, "/") && filepath.Ext(out) != "" && knownEnding(out):
		return nil, usagef("output %s: only JPEGs are written: name a file that ends in .jpg or .mjpeg, or a folder (%s/)", out, out)
	case !exists && oneFile && hasSuffixFold(out, "/"):
		return openFolder(out, force)
	case exists && info.IsDir() || !oneFile:
		return openFolder(out, force)
	case hasSuffixFold(out, ".jpg") || hasSuffixFold(out, ".jpeg"):
		return openSingle(out)
	}
	return openStreamFile(out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

// knownEndings are the endings of files that are not JPEGs. A folder of such a name would be a mistake.
var knownEndings = strings.Fields(".png .apng .gif .bmp .webp .tif .tiff .avif .heic .heif .jxl .jp2 .ppm .pgm .pnm .tga .svg .ico .exr .dng .psd " +
	".mp4 .m4v .mkv .webm .mov .avi .ts .m2ts .mts .mpg .mpeg .flv .wmv .ogv .3gp .mxf .h264 .264 .h265 .265 .hevc .y4m .yuv .rgb .bgr .raw .nv12 " +
	".zip .tar .tgz .gz .7z .pdf .txt .json .html .mp3 .wav .jfif .jpe")

// knownEnding reports whether out has the name of a file that is not a JPEG.
func knownEnding(out string) bool {
	return slices.Contains(knownEndings, strings.ToLower(filepath.Ext(out)))
}

// ErrOneImage is why a second image was refused by a Sink that holds one. It has not kept the first either.
var ErrOneImage = errors.New("the input has more than one frame")

// single keeps one image and refuses a second.
type single struct {
	file    wholeFile
	written bool
}

func openSingle(path string) (*single, error) {
	file, err := newWholeFile(path)
	return &single{file: file}, err
}

func (s *single) Write(n int, jpeg []byte) error {
	if s.written {
		return fmt.Errorf("%w and %s holds one: add --frames 1, or name a folder or a .mjpeg file", ErrOneImage, s.file.path)
	}
	s.written = true
	f, err := s.file.create()
	if err != nil {
		return err
	}
	if _, err := f.Write(jpeg); err != nil {
		f.Close()
		return s.file.unwritten(err)
	}
	if err := f.Close(); err != nil {
		return s.file.unwritten(err)
	}
	return nil
}

// Close gives the image its name.
func (s *single) Close(commit bool) error {
	defer s.file.discard()
	if !commit || !s.written {
		return nil
	}
	return s.file.keep()
}

// stream keeps images one after the other.
type stream struct {
	w    *os.File
	name string
	file bool  // a regular file, from which a part of an image can be taken back
	own  bool  // w is closed by Close
	end  int64 // bytes of whole images
	n    int   // whole images
}

func newStream(w *os.File, name string) *stream {
	s := &stream{w: w, name: name}
	if info, err := w.Stat(); err == nil && info.Mode().IsRegular() {
		// Under a shell's >> others' bytes come first; taking back must not touch them.
		if at, err := w.Seek(0, io.SeekEnd); err == nil {
			s.file, s.end = true, at
		}
	}
	return s
}

func openStreamFile(path string, flags int) (*stream, error) {
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", path, withAdvice(err))
	}
	s := newStream(f, path)
	s.own = true
	return s, nil
}

func (s *stream) Write(n int, jpeg []byte) error {
	_, err := s.w.Write(jpeg)
	if err == nil {
		s.end += int64(len(jpeg))
		s.n++
		return nil
	}
	if s.file {
		s.w.Truncate(s.end)
	}
	if errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%s: its reader closed the pipe after %s", s.name, count(s.n, "image"))
	}
	return fmt.Errorf("cannot write image %d to %s: %w", n, s.name, withAdvice(err))
}

func (s *stream) Close(bool) error {
	if !s.own {
		return nil
	}
	if err := s.w.Close(); err != nil {
		return fmt.Errorf("output %s: %w", s.name, withAdvice(err))
	}
	if s.file && s.n == 0 {
		os.Remove(s.name) // an empty file has no images
	}
	return nil
}

// CheckDistinct returns a *UsageError when the two paths are one file, which would be emptied before it is read.
func CheckDistinct(in, out string) error {
	a, errA := os.Stat(in)
	b, errB := os.Stat(out)
	if errA == nil && errB == nil && a.Mode().IsRegular() && os.SameFile(a, b) {
		return usagef("input and output are one file, %s: name another output", in)
	}
	if errA == nil && errB == nil && a.IsDir() && os.SameFile(a, b) {
		return usagef("input and output are one folder, %s: name another output", in)
	}
	return nil
}
