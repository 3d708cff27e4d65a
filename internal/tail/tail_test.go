package tail

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestLastLine(t *testing.T) {
	tests := []struct {
		name    string
		written []string
		want    string
	}{
		{"nothing", nil, ""},
		{"one", []string{"no such file"}, "no such file"},
		{"ended", []string{"first\nsecond\n\n"}, "second"},
		{"in-pieces", []string{"first\nsec", "ond\r\n"}, "second"},
		{"after-much", []string{strings.Repeat("x", 10_000), "\nlast"}, "last"},
		{"longer-than-kept", []string{strings.Repeat("x", 5000)}, strings.Repeat("x", 4096)},
	}
	for _, tt := range tests {
		var w Writer
		for _, s := range tt.written {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("%s: Write: got %d, %v, want %d", tt.name, n, err, len(s))
			}
		}
		if got := w.LastLine(); got != tt.want {
			t.Errorf("%s: got %.40q, want %.40q", tt.name, got, tt.want)
		}
	}
}

// TestKeepsTheEnd: of a program that complains for hours.
func TestKeepsTheEnd(t *testing.T) {
	var w Writer
	for i := range 10_000 {
		fmt.Fprintf(&w, "line %d\n", i)
	}
	if got := w.LastLine(); len(w.buf) > keep || got != "line 9999" {
		t.Errorf("got %d bytes, last line %q, want at most %d and line 9999", len(w.buf), got, keep)
	}
	if _, err := io.WriteString(&w, "\n  the last  \n\n"); err != nil {
		t.Fatal(err)
	}
	if got := w.LastLine(); len(w.buf) > keep || got != "the last" {
		t.Errorf("got %d bytes, last line %q, want at most %d and the last", len(w.buf), got, keep)
	}
}
