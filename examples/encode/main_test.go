package main

import (
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

func TestEncode(t *testing.T) {
	folder := t.TempDir()
	if err := encode(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	for i := range batches * batchSize {
		f, err := os.Open(filepath.Join(folder, fmt.Sprintf("frame-%02d.jpg", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if c, err := jpeg.DecodeConfig(f); err != nil || c.Width != 320 || c.Height != 320 {
			t.Errorf("%s: got %dx%d, %v, want 320x320", f.Name(), c.Width, c.Height, err)
		}
	}
}
