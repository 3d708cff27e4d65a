package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// Texts of the enumerations, in the order of their values.
var (
	modeNames   = []string{"stretch", "fit", "fill"}
	filterNames = []string{"bilinear", "area", "nearest"}
	reuseNames  = []string{"none", "segments"}
	outputNames = []string{"jpeg", frame.RGBA.String(), frame.RGB24.String(), frame.BGR24.String(), frame.I420.String()}
)

// nameOf returns the text of value i, or what it is of when it has none.
func nameOf(names []string, what string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

// marshalName returns the text of value i, or an error when it has none.
func marshalName(names []string, what string, i uint8) ([]byte, error) {
	if int(i) >= len(names) {
		return nil, fmt.Errorf("pipeline: %s has no text: got %d, want 0..%d", what, i, len(names)-1)
	}
	return []byte(names[i]), nil
}

// parseName returns the value whose text is s, in any case, or an error that lists the known ones.
func parseName(names []string, what string, s []byte) (uint8, error) {
	if i := slices.Index(names, strings.ToLower(string(s))); i >= 0 {
		return uint8(i), nil
	}
	return 0, fmt.Errorf("pipeline: unknown %s: got %q, want one of %s", what, s, strings.Join(names, ", "))
}

// String returns the text of m.
func (m Mode) String() string { return nameOf(modeNames, "Mode", uint8(m)) }

// MarshalText returns the text of m.
func (m Mode) MarshalText() ([]byte, error) { return marshalName(modeNames, "mode", uint8(m)) }

// UnmarshalText sets m to the mode that text names.
func (m *Mode) UnmarshalText(text []byte) error {
	i, err := parseName(modeNames, "mode", text)
	if err == nil {
		*m = Mode(i)
	}
	return err
}

// String returns the text of f.
func (f Filter) String() string { return nameOf(filterNames, "Filter", uint8(f)) }

// MarshalText returns the text of f.
func (f Filter) MarshalText() ([]byte, error) { return marshalName(filterNames, "filter", uint8(f)) }

// UnmarshalText sets f to the filter that text names.
func (f *Filter) UnmarshalText(text []byte) error {
	i, err := parseName(filterNames, "filter", text)
	if err == nil {
		*f = Filter(i)
	}
	return err
}

// String returns the text of r.
func (r Reuse) String() string { return nameOf(reuseNames, "Reuse", uint8(r)) }

// MarshalText returns the text of r.
func (r Reuse) MarshalText() ([]byte, error) { return marshalName(reuseNames, "reuse", uint8(r)) }

// UnmarshalText sets r to the way that text names.
func (r *Reuse) UnmarshalText(text []byte) error {
	i, err := parseName(reuseNames, "reuse", text)
	if err == nil {
		*r = Reuse(i)
	}
	return err
}

// String returns the text of f: for a raw format that of its pixel format.
func (f OutputFormat) String() string { return nameOf(outputNames, "OutputFormat", uint8(f)) }

// MarshalText returns the text of f.
func (f OutputFormat) MarshalText() ([]byte, error) {
	return marshalName(outputNames, "output format", uint8(f))
}

// UnmarshalText sets f to the format that text names. The further names that frame.ParsePixelFormat knows are known
// here too.
func (f *OutputFormat) UnmarshalText(text []byte) error {
	if px, err := frame.ParsePixelFormat(string(text)); err == nil {
		text = []byte(px.String())
	}
	i, err := parseName(outputNames, "output format", text)
	if err == nil {
		*f = OutputFormat(i)
	}
	return err
}

// String returns "none", "row" or the number of MCUs.
func (r Restart) String() string {
	switch r {
	case RestartNone:
		return "none"
	case RestartRow:
		return "row"
	}
	return strconv.Itoa(int(r))
}

// MarshalText returns the text of r.
func (r Restart) MarshalText() ([]byte, error) {
	if r < RestartRow || r > maxRestart {
		return nil, fmt.Errorf("pipeline: restart has no text: got %d, want -1..%d", int(r), maxRestart)
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets r to the interval that text says: "none", "row", or a number of MCUs.
func (r *Restart) UnmarshalText(text []byte) error {
	switch s := strings.ToLower(string(text)); s {
	case "none":
		*r = RestartNone
	case "row":
		*r = RestartRow
	default:
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return fmt.Errorf("pipeline: unknown restart interval: got %q, want none, row or 0..%d", text, maxRestart)
		}
		*r = Restart(n)
	}
	return nil
}
