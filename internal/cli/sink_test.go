package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOpenSinkChoosesByName(t *testing.T) {
	tests := []struct {
		name  string
		out   string
		files []string // after two images, or one for a single
		n     int
	}{
		{"folder", "out", []string{"out/frame-000001.jpg", "out/frame-000002.jpg"}, 2},
		{"nested-folder", "a/b", []string{"a/b/frame-000001.jpg", "a/b/frame-000002.jpg"}, 2},
		{"mjpeg", "x.mjpeg", []string{"x.mjpeg"}, 2},
		{"mjpg-upper-case", "x.MJPG", []string{"x.MJPG"}, 2},
		{"single", "x.jpg", []string{"x.jpg"}, 1},
		{"single-jpeg", "x.jpeg", []string{"x.jpeg"}, 1},
		{"folder-with-slash", "x.png/", []string{"x.png/frame-000001.jpg"}, 1},
		{"folder-with-slash-jpg", "x.jpg/", []string{"x.jpg/frame-000001.jpg"}, 1},
		{"folder-with-dot", "take.2", []string{"take.2/frame-000001.jpg"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := OpenSink(dir+"/"+tt.out, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.n {
				if err := s.Write(i+1, []byte{byte(i), 7}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(true); err != nil {
				t.Fatal(err)
			}
			if got := listFiles(t, dir); !slices.Equal(got, tt.files) {
				t.Errorf("files: got %v, want %v", got, tt.files)
			}
			info, err := os.Stat(filepath.Join(dir, tt.files[0]))
			if err != nil {
				t.Fatal(err)
			}
			plain := filepath.Join(dir, "plain")
			if err := os.WriteFile(plain, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			want, err := os.Stat(plain)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want.Mode().Perm() {
				t.Errorf("permissions: got %v, want %v, which the umask leaves of 0666", got, want.Mode().Perm())
			}
		})
	}
}

func TestOpenSinkRefuses(t *testing.T) {
	tests := []struct {
		name  string
		out   string
		usage bool
		want  string
	}{
		{"folder-with-images", "full", false, "full holds frame-000007.jpg already: choose another folder, or add --force"},
		{"file-exists", "old.mjpeg", false, "old.mjpeg exists already: choose another name, or add --force"},
		{"file-as-folder", "old.txt", true, "old.txt is a file: name a folder"},
		{"png", "new.png", true, "only JPEGs are written: name a file that ends in .jpg or .mjpeg, or a folder ("},
		{"mkv-upper-case", "new.MKV", true, "only JPEGs are written"},
		{"archive", "new.tar.gz", true, "only JPEGs are written"},
		{"below-file", "old.txt/out", false, "not a directory"},
		{"missing-parent", "no/x.mjpeg", false, "no such file or directory"},
		{"missing-parent-of-single", "no/x.jpg", false, "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "full", "frame-000007.jpg"), "x")
			writeFile(t, filepath.Join(dir, "old.mjpeg"), "old")
			writeFile(t, filepath.Join(dir, "old.txt"), "old")
			before := listFiles(t, dir)
			_, err := OpenSink(filepath.Join(dir, tt.out), false, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error: got %v, want one with %q", err, tt.want)
			}
			var usage *UsageError
			if errors.As(err, &usage) != tt.usage {
				t.Errorf("usage error: got %T", err)
			}
			if got := listFiles(t, dir); !slices.Equal(got, before) {
				t.Errorf("files: got %v, want them untouched: %v", got, before)
			}
		})
	}
}

func TestForceWritesOver(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "frame-000001.jpg"), "old")
	writeFile(t, filepath.Join(dir, "x.mjpeg"), "old and long")
	for _, out := range []string{dir, filepath.Join(dir, "x.mjpeg")} {
		s, err := OpenSink(out, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(1, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(true); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"frame-000001.jpg", "x.mjpeg"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != "new" {
			t.Errorf("%s: got %q, want %q", name, got, "new")
		}
	}
}

// An image that can not be written leaves no part of itself.
func TestFailedWriteLeavesNothing(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		s, err := OpenSink(dir, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(1, []byte("one")); err != nil {
			t.Fatal(err)
		}
		// A folder in the way makes the rename fail, after the bytes were written.
		writeFile(t, filepath.Join(dir, "frame-000002.jpg", "x"), "")
		if err := s.Write(2, []byte("two")); err == nil || !strings.Contains(err.Error(), "cannot write") {
			t.Errorf("error: got %v", err)
		}
		s.Close(false)
		want := []string{"frame-000001.jpg", "frame-000002.jpg/x"}
		if got := listFiles(t, dir); !slices.Equal(got, want) {
			t.Errorf("files: got %v, want %v", got, want)
		}
	})
	t.Run("single", func(t *testing.T) {
		dir := t.TempDir()
		s, err := OpenSink(filepath.Join(dir, "x.jpg"), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(1, []byte("one")); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(2, []byte("two")); err == nil || !strings.Contains(err.Error(), "more than one frame") {
			t.Errorf("error of the second image: got %v", err)
		}
		s.Close(false)
		if got := listFiles(t, dir); len(got) != 0 {
			t.Errorf("files: got %v, want none", got)
		}
	})
}

func TestStreamToClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := OpenSink("-", false, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(1, []byte("one")); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := s.Write(2, []byte("two")); err == nil || !strings.Contains(err.Error(), "closed the pipe after 1 image") {
		t.Errorf("error: got %v", err)
	}
}

func TestStreamAppendsToStdout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	writeFile(t, path, "before ")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := newStream(f, "standard output")
	if err := s.Write(1, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	if s.end != int64(len("before one")) {
		t.Errorf("end of whole images: got %d, want %d", s.end, len("before one"))
	}
	if got, _ := os.ReadFile(path); string(got) != "before one" {
		t.Errorf("got %q", got)
	}
}

func TestCheckDistinct(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	writeFile(t, a, "")
	writeFile(t, b, "")
	if err := CheckDistinct(a, b); err != nil {
		t.Errorf("two files: got %v", err)
	}
	if err := CheckDistinct(a, filepath.Join(dir, ".", "a")); err == nil {
		t.Errorf("one file: got no error")
	}
	if err := CheckDistinct(dir, dir+"/"); err == nil {
		t.Errorf("one folder: got no error")
	}
}

// listFiles returns the regular files below dir, hidden ones too, as sorted relative paths.
func listFiles(t *testing.T, dir string) []string {
	t.Helper()
	names := []string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
