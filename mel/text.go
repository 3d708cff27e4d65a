package mel

import (
	"fmt"
	"slices"
	"strings"
)

// Texts of the enumerations, in the order of their values.
var (
	shapeNames    = []string{"hann", "hann-symmetric", "hamming", "povey", "rectangular"}
	framesNames   = []string{"centered", "centered-drop-last", "inside"}
	paddingNames  = []string{"reflect", "zeros"}
	spectrumNames = []string{"power", "magnitude"}
	scaleNames    = []string{"slaney", "htk-hertz", "kaldi", "htk"}
	normNames     = []string{"unit", "area"}
	baseNames     = []string{"none", "natural", "ten"}
)

func nameOf(names []string, what string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

func marshalName(names []string, what string, i uint8) ([]byte, error) {
	if int(i) >= len(names) {
		return nil, &SpecError{what, fmt.Sprintf("got %d, want 0..%d", i, len(names)-1)}
	}
	return []byte(names[i]), nil
}

func parseName[T ~uint8](names []string, what string, text []byte, v *T) error {
	i := slices.Index(names, strings.ToLower(string(text)))
	if i < 0 {
		return &SpecError{what, fmt.Sprintf("got %q, want one of %s", text, strings.Join(names, ", "))}
	}
	*v = T(i)
	return nil
}

// String returns the text of s.
func (s Shape) String() string { return nameOf(shapeNames, "Shape", uint8(s)) }

// MarshalText returns the text of s.
func (s Shape) MarshalText() ([]byte, error) { return marshalName(shapeNames, "shape", uint8(s)) }

// UnmarshalText sets s to the value whose text this is.
func (s *Shape) UnmarshalText(text []byte) error { return parseName(shapeNames, "shape", text, s) }

// String returns the text of f.
func (f Frames) String() string { return nameOf(framesNames, "Frames", uint8(f)) }

// MarshalText returns the text of f.
func (f Frames) MarshalText() ([]byte, error) { return marshalName(framesNames, "frames", uint8(f)) }

// UnmarshalText sets f to the value whose text this is.
func (f *Frames) UnmarshalText(text []byte) error { return parseName(framesNames, "frames", text, f) }

// String returns the text of p.
func (p Padding) String() string { return nameOf(paddingNames, "Padding", uint8(p)) }

// MarshalText returns the text of p.
func (p Padding) MarshalText() ([]byte, error) { return marshalName(paddingNames, "padding", uint8(p)) }

// UnmarshalText sets p to the value whose text this is.
func (p *Padding) UnmarshalText(text []byte) error {
	return parseName(paddingNames, "padding", text, p)
}

// String returns the text of s.
func (s Spectrum) String() string { return nameOf(spectrumNames, "Spectrum", uint8(s)) }

// MarshalText returns the text of s.
func (s Spectrum) MarshalText() ([]byte, error) {
	return marshalName(spectrumNames, "spectrum", uint8(s))
}

// UnmarshalText sets s to the value whose text this is.
func (s *Spectrum) UnmarshalText(text []byte) error {
	return parseName(spectrumNames, "spectrum", text, s)
}

// String returns the text of s.
func (s Scale) String() string { return nameOf(scaleNames, "Scale", uint8(s)) }

// MarshalText returns the text of s.
func (s Scale) MarshalText() ([]byte, error) { return marshalName(scaleNames, "scale", uint8(s)) }

// UnmarshalText sets s to the value whose text this is.
func (s *Scale) UnmarshalText(text []byte) error { return parseName(scaleNames, "scale", text, s) }

// String returns the text of n.
func (n Norm) String() string { return nameOf(normNames, "Norm", uint8(n)) }

// MarshalText returns the text of n.
func (n Norm) MarshalText() ([]byte, error) { return marshalName(normNames, "norm", uint8(n)) }

// UnmarshalText sets n to the value whose text this is.
func (n *Norm) UnmarshalText(text []byte) error { return parseName(normNames, "norm", text, n) }

// String returns the text of b.
func (b Base) String() string { return nameOf(baseNames, "Base", uint8(b)) }

// MarshalText returns the text of b.
func (b Base) MarshalText() ([]byte, error) { return marshalName(baseNames, "log.base", uint8(b)) }

// UnmarshalText sets b to the value whose text this is.
func (b *Base) UnmarshalText(text []byte) error { return parseName(baseNames, "log.base", text, b) }
