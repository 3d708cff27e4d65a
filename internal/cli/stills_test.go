package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestFolder: a folder with files of all kinds gives the same images to push and encode, in natural order; others are
// skipped and named, or end the input.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	jpegs := []string{cameraJPEG(t, 1), cameraJPEG(t, 2), cameraJPEG(t, 3), cameraJPEG(t, 4)}
	for name, content := range map[string]string{
		"img2.jpg": jpegs[1], "img10.JPEG": jpegs[2] + jpegs[0], "img1.jpg": jpegs[0] + "MotionPhoto_Data", "img11": jpegs[3],
		"img3.jpg": jpegs[0][:len(jpegs[0])/2], "img4.jpg": "", "img5.jpg": "no image", ".DS_Store": "x",
	} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	checkSkipped := func(err error) {
		t.Helper()
		var skipped *SkippedError
		if !errors.As(err, &skipped) || skipped.N != 3 || skipped.Of != 7 {
			t.Fatalf("got error %v, want 3 of 7 files skipped", err)
		}
		for i, want := range []string{"img3.jpg: the JPEG is cut short", "img4.jpg: it is empty", `img5.jpg: it is not an image: it begins with "no image"`} {
			if got := skipped.Files[i].Error(); !strings.Contains(got, want) || !strings.Contains(err.Error(), got) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
	const warning = "1 subfolder was not entered"

	encode := openSource(t, Input{Path: dir})
	for i := range jpegs {
		f, err := encode.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := int(f.Plane(0).Pix[0]); got < 40*(i+1)-2 || got > 40*(i+1)+2 {
			t.Errorf("encode: image %d: got gray %d, want %d", i+1, got, 40*(i+1))
		}
		f.Release()
	}
	if _, err := encode.Next(); err != io.EOF {
		t.Errorf("encode: got error %v, want %v", err, io.EOF)
	}
	checkSkipped(encode.Skipped())
	if !strings.Contains(encode.Warning(), warning) || encode.Total != 7 {
		t.Errorf("encode: got warning %q of %d files, want %q of 7", encode.Warning(), encode.Total, warning)
	}

	push := openPush(t, Input{Path: dir}, false)
	if got, err := frames(push, 10); err != io.EOF || fmt.Sprint(got) != fmt.Sprint(jpegs) {
		t.Errorf("push: got %d images, error %v, want the JPEGs as they are", len(got), err)
	}
	checkSkipped(push.Skipped())
	if !strings.Contains(push.Warning(), warning) {
		t.Errorf("push: got warning %q, want %q", push.Warning(), warning)
	}

	push = openPush(t, Input{Path: dir}, true)
	if got, err := frames(push, 10); err != nil || got[8] != jpegs[0] {
		t.Errorf("loop: got %d images, error %v, want 10", len(got), err)
	}
	checkSkipped(push.Skipped())

	push = openPush(t, Input{Path: dir, Strict: true}, false)
	var broken *stills.FileError
	if got, err := frames(push, 10); len(got) != 2 || !errors.As(err, &broken) || filepath.Base(broken.Path) != "img3.jpg" {
		t.Errorf("strict: got %d images, error %v, want 2 and one about img3.jpg", len(got), err)
	}
}

// TestFolderRange: the range and matrix that the user gives hold for images too.
func TestFolderRange(t *testing.T) {
	bt709 := frame.BT709
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.jpg"), string(colorJPEG(t)))
	s, err := Open(t.Context(), Input{Path: dir, Range: frame.RangeLimited, Color: &bt709}, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := s.Desc(); d.Range != frame.RangeLimited || d.Color != frame.BT709 {
		t.Errorf("got %v, want the range and matrix that were given", d)
	}
}

// TestSkippedErrorIsBounded: however many files were skipped, the error names a number that can be read.
func TestSkippedErrorIsBounded(t *testing.T) {
	f := folderInput{skipped: SkippedError{Of: 10_000}}
	for i := range 5000 {
		f.skip(&stills.FileError{Path: fmt.Sprintf("img%d", i), Err: errors.New("it is empty")})
	}
	got := f.err().Error()
	if !strings.HasPrefix(got, "skipped 5000 of 10000 files: img0: it is empty; ") || !strings.HasSuffix(got, "img99: it is empty; and 4900 more") {
		t.Errorf("got %s", got)
	}
}
