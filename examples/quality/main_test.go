package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// TestPage: docs/recipes.md has the table that the program prints, and docs/img its images.
func TestPage(t *testing.T) {
	f, err := scene()
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := table(&printed, f); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), printed.String()) {
		t.Errorf("docs/recipes.md does not have the table of go run ./examples/quality:\n%s", printed.Bytes())
	}
	for _, s := range settings {
		want, err := s.parts(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../../docs/img", s.file()))
		if runtime.GOARCH != "amd64" { // others round some floats of the scene's in another way
			want = got
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/img/%s is not that of go run ./examples/quality -images docs/img: %v", s.file(), err)
		}
		if !strings.Contains(string(page), "img/"+s.file()) {
			t.Errorf("docs/recipes.md does not show %s", s.file())
		}
	}
}

// TestPartsAreOfTheFrame: what the images show is what the JPEG of the whole frame shows there. Where the color of two pixels is one
// sample, decoders may take the neighbors' for those at an edge: image/jpeg does not.
func TestPartsAreOfTheFrame(t *testing.T) {
	f, err := scene()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings[:3] {
		whole, shown := decoded(t, s.encode, f), decoded(t, s.parts, f)
		row := 0
		for _, part := range parts {
			for y := range part.Dy() {
				for x := range part.Dx() {
					if got, want := shown.At(x, row), whole.At(part.Min.X+x, part.Min.Y+y); got != want {
						t.Fatalf("%s at %d, %d: got %v, want %v", s.file(), x, row, got, want)
					}
				}
				row++
			}
		}
	}
}

// decoded returns what a JPEG of f shows.
func decoded(t *testing.T, encode func(frame.Frame) ([]byte, error), f frame.Frame) image.Image {
	t.Helper()
	data, err := encode(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
