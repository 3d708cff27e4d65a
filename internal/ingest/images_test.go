package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/scene"
)

var tiny = frame.Desc{Format: frame.Gray8, Width: 2, Height: 2}

// describeImages reads all images, as text.
func describeImages(t *testing.T, input string, d frame.Desc, o ImageOptions) (string, error) {
	t.Helper()
	r, err := NewImages(strings.NewReader(input), d, o, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for {
		m, err := r.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%d:", m.Index)
		for i := range m.Regions {
			fmt.Fprintf(&b, " %s@%s", m.Regions[i].Frame.Planes()[0].Pix, m.Regions[i].Rect)
		}
		b.WriteString("; ")
		m.Release()
	}
}

func TestImages(t *testing.T) {
	lines := ImageOptions{Lines: true}
	tests := []struct {
		name, input string
		desc        frame.Desc
		options     ImageOptions
		want, err   string
	}{
		{"one each", "abcdefgh", tiny, ImageOptions{Regions: 1, First: 5}, "5: abcd@0x0+0+0; 6: efgh@0x0+0+0; ", ""},
		{"two each", "abcdefgh", tiny, ImageOptions{Regions: 2}, "0: abcd@0x0+0+0 efgh@0x0+0+0; ", ""},
		{"two each, cut", "abcdef", tiny, ImageOptions{Regions: 2}, "", "inside a frame"},
		{"two each, one", "abcd", tiny, ImageOptions{Regions: 2}, "", "inside a frame"},
		{"none", "", frame.Desc{}, ImageOptions{First: 3}, "3:; ", ""},
		{"lines", "IMAGE\nIMAGE regions=1\nabcdIMAGE  index=9 regions=2 rect=3x4-5+6 \r\nabcdefghIMAGE\n", tiny, lines, "0:; 1: abcd@0x0+0+0; 9: abcd@3x4-5+6 efgh@0x0+0+0; 10:; ", ""},
		{"lines, none", "", tiny, lines, "", ""},
		{"last index", fmt.Sprintf("IMAGE index=%d\nIMAGE\n", math.MaxInt), tiny, lines, fmt.Sprintf("%d:; %[1]d:; ", math.MaxInt), ""},
		{"word", "IMAGE indx=1\n", tiny, lines, "", `image 0 line: got "indx=1", want index=N`},
		{"no image", "FRAME\n", tiny, lines, "", `got "FRAME\n", want IMAGE`},
		{"no line", "\n", tiny, lines, "", "want IMAGE"},
		{"index", "IMAGE index=-1\n", tiny, lines, "", `image 0 index: got "-1"`},
		{"index large", "IMAGE index=9223372036854775808\n", tiny, lines, "", "image 0 index"},
		{"regions", "IMAGE\nIMAGE regions=17\n", tiny, lines, "0:; ", `image 1 regions: got "17", want 0..16`},
		{"rect", "IMAGE regions=1 rect=x\n", tiny, lines, "", "image 0 rect"},
		{"rects", "IMAGE regions=1 rect=1x1+0+0 rect=1x1+0+0\n", tiny, lines, "", "got 2 with 1 regions"},
		{"no desc", "IMAGE regions=1\nabcd", frame.Desc{}, lines, "", "want 0 where"},
		{"long", "IMAGE " + strings.Repeat(" ", 2000), tiny, lines, "", "more than 1024 bytes"},
		{"cut line", "IMAGE", tiny, lines, "", "inside a frame"},
		{"cut frame", "IMAGE regions=1\nabc", tiny, lines, "", "got 3 bytes, want 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := describeImages(t, tt.input, tt.desc, tt.options)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want one that says %q", err, tt.err)
			}
		})
	}
}

// TestImagesWithoutMemory: an image without memory is skipped, also when some of its frames had some, and the next one follows.
func TestImagesWithoutMemory(t *testing.T) {
	const input = "IMAGE regions=3\nabcdefghijklIMAGE regions=1\nmnop"
	for fault := 1; fault <= 3; fault++ {
		p := pooltest.New(t, &pool.Options{Check: &pool.Check{Fault: pooltest.FailAt(fault)}})
		r, err := NewImages(strings.NewReader(input), tiny, ImageOptions{Lines: true}, p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) {
			t.Fatalf("got %v, want ErrBudget", err)
		}
		if err := r.Skip(); err != nil {
			t.Fatal(err)
		}
		m, err := r.Next()
		if err != nil || m.Index != 1 || string(m.Regions[0].Frame.Planes()[0].Pix) != "mnop" {
			t.Fatalf("fault %d: got %+v, %v, want the second image", fault, m, err)
		}
		m.Release()
	}
}

// repeating is a stream without end.
type repeating struct {
	text []byte
	at   int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func TestImagesAllocations(t *testing.T) {
	r, err := NewImages(&repeating{text: []byte("IMAGE index=7 regions=1 rect=3x3+1+1\nabcd")}, tiny, ImageOptions{Lines: true}, pool.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	objects, _ := alloctest.Measure(t, 100, func() {
		m, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	})
	if objects > 100*6 { // of the words of the line
		t.Errorf("got %d objects of 100 images, want at most 6 each", objects)
	}
}

// FuzzImages: whatever comes, images have at most scene.MaxRegions regions, of the bytes that came, and nothing stays leased.
func FuzzImages(f *testing.F) {
	f.Add([]byte("IMAGE index=1 regions=1 rect=2x2+1+1\nabcdIMAGE\n"), true, 0)
	f.Add([]byte("abcdefgh"), false, 2)
	f.Fuzz(func(t *testing.T, data []byte, lines bool, regions int) {
		if regions < 0 || regions > scene.MaxRegions {
			t.Skip("no such number")
		}
		r, err := NewImages(bytes.NewReader(data), tiny, ImageOptions{Lines: lines, Regions: regions}, pooltest.New(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for {
			m, err := r.Next()
			if err != nil {
				return
			}
			if len(m.Regions) > scene.MaxRegions || m.Index < 0 {
				t.Fatalf("got %d regions at index %d", len(m.Regions), m.Index)
			}
			read += 4 * len(m.Regions)
			m.Release()
			if read > len(data) {
				t.Fatalf("got %d bytes of %d", read, len(data))
			}
		}
	})
}
