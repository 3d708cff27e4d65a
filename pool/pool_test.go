package pool

import (
	"errors"
	"testing"
	"unsafe"
)

func TestGet(t *testing.T) {
	tests := []struct {
		name     string
		n        int
		wantCap  int
		wantKind error
	}{
		{"negative", -1, 0, ErrSize},
		{"zero", 0, 4 << 10, nil},
		{"one", 1, 4 << 10, nil},
		{"smallest_class", 4 << 10, 4 << 10, nil},
		{"next_class", 4<<10 + 1, 5 << 10, nil},
		{"rgba_of_320x320", 409_600, 448 << 10, nil},
		{"bgr_of_640x360", 691_200, 768 << 10, nil},
		{"i420_of_1080p", 3_110_400, 3 << 20, nil},
		{"largest_class", 64 << 20, 64 << 20, nil},
		{"above", 64<<20 + 1, 0, ErrSize},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := p.Get(tt.n)
			defer b.Release()
			if !errors.Is(err, tt.wantKind) {
				t.Fatalf("Get(%d): got error %v, want %v", tt.n, err, tt.wantKind)
			}
			if err != nil {
				if want := (&SizeError{Got: int64(tt.n), Max: MaxSize}).Error(); err.Error() != want || !b.IsZero() {
					t.Errorf("Get(%d): got %v and error %q, want the zero Buf and %q", tt.n, b, err, want)
				}
				return
			}
			if b.IsZero() || b.Len() != tt.n || b.Cap() != tt.wantCap || ClassSize(tt.n) != tt.wantCap {
				t.Errorf("Get(%d): got length %d, capacity %d, ClassSize %d, want capacity %d",
					tt.n, b.Len(), b.Cap(), ClassSize(tt.n), tt.wantCap)
			}
			if grown := append(b.Bytes(), make([]byte, tt.wantCap-tt.n)...); unsafe.SliceData(grown) != unsafe.SliceData(b.Bytes()) {
				t.Errorf("Get(%d): append up to the capacity moved the buffer", tt.n)
			}
		})
	}
}
