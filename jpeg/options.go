package jpeg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
)

// DefaultQuality is used where Options.Quality is 0. It is the default of cjpeg and of image/jpeg.
const DefaultQuality = 75

// RestartRow as Options.RestartInterval puts a restart marker after each MCU row, so that a decoder can start at any row.
const RestartRow = jpegcore.RestartRow

// Options says how to encode. The zero value is quality 75, 4:2:0, no restart markers.
type Options struct {
	Quality         int         // 1..100, libjpeg's scaling of the Annex K tables; 0 means 75
	Subsampling     Subsampling // 4:2:0 when zero
	RestartInterval int         // MCUs between restart markers: 0 for no markers, at most 65,535; or RestartRow

	// Kernels limits the level of the kernels used: "generic", "neon", "avx2" or "avx512". Empty means the best that
	// the processor has. The bytes are the same at every level.
	Kernels string
}

// resolve returns o with its defaults in place. A nil o is the zero Options.
func (o *Options) resolve() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Quality == 0 {
		r.Quality = DefaultQuality
	}
	switch {
	case r.Quality < 1 || r.Quality > 100:
		return r, optionsErrorf("quality", "got %d, want 1..100", r.Quality)
	case int(r.Subsampling) >= len(subsamplingNames):
		return r, subsamplingError(r.Subsampling.String())
	case r.RestartInterval < RestartRow || r.RestartInterval > jpegcore.MaxRestartInterval:
		return r, optionsErrorf("restart interval", "got %d, want 0..%d or %d", r.RestartInterval, jpegcore.MaxRestartInterval, RestartRow)
	}
	return r, nil
}

// config returns what o, which may be nil, says of images of width x height pixels. Errors are *OptionsError.
func (o *Options) config(width, height int) (jpegcore.Config, error) {
	r, err := o.resolve()
	if err != nil {
		return jpegcore.Config{}, err
	}
	if width < 1 || width > frame.MaxSide {
		return jpegcore.Config{}, optionsErrorf("width", "got %d, want 1..%d", width, frame.MaxSide)
	}
	if height < 1 || height > frame.MaxSide {
		return jpegcore.Config{}, optionsErrorf("height", "got %d, want 1..%d", height, frame.MaxSide)
	}
	c := jpegcore.Config{Width: width, Height: height, Quality: r.Quality, Gray: r.Subsampling == Gray, RestartInterval: r.RestartInterval}
	c.ChromaX, c.ChromaY = r.Subsampling.factors()
	if c.Limit, err = impl.ParseLevel(r.Kernels); err != nil {
		return jpegcore.Config{}, optionsErrorf("kernels", "%v", err)
	}
	return c, nil
}

// OptionsError says which field of the Options, or which side of the image, is wrong.
type OptionsError struct {
	Field  string // "quality", "subsampling", "restart interval", "kernels", "width", "height"
	Reason string // "got 101, want 1..100"
}

func (e *OptionsError) Error() string { return "jpeg: " + e.Field + ": " + e.Reason }

func optionsErrorf(field, format string, args ...any) *OptionsError {
	return &OptionsError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Subsampling is the resolution of chroma against luma. The zero value is 4:2:0.
type Subsampling uint8

// The chroma subsamplings.
const (
	Sub420 Subsampling = iota // "420": chroma halved both ways; MCU 16x16
	Sub422                    // "422": chroma halved across; MCU 16x8
	Sub444                    // "444": chroma at full resolution; MCU 8x8
	Gray                      // "gray": no chroma; MCU 8x8
)

// subsamplingNames are the text forms, in the order of the values.
var subsamplingNames = []string{"420", "422", "444", "gray"}

// ParseSubsampling returns the subsampling called s, in any case and with or without colons: 420 (or nothing), 422,
// 444 or gray. An unknown name gives an *OptionsError.
func ParseSubsampling(s string) (Subsampling, error) {
	name := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if i := slices.Index(subsamplingNames, name); i >= 0 {
		return Subsampling(i), nil
	}
	if s == "" {
		return Sub420, nil
	}
	return 0, subsamplingError(strconv.Quote(s))
}

func subsamplingError(got string) *OptionsError {
	return optionsErrorf("subsampling", "got %s, want 420, 422, 444 or gray", got)
}

// String returns the text form of s.
func (s Subsampling) String() string {
	if int(s) >= len(subsamplingNames) {
		return fmt.Sprintf("Subsampling(%d)", uint8(s))
	}
	return subsamplingNames[s]
}

// MarshalText returns the text form of s; an invalid value is an *OptionsError.
func (s Subsampling) MarshalText() ([]byte, error) {
	if int(s) >= len(subsamplingNames) {
		return nil, subsamplingError(s.String())
	}
	return []byte(subsamplingNames[s]), nil
}

// UnmarshalText sets s as ParseSubsampling does.
func (s *Subsampling) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSubsampling(string(text))
	return err
}

// factors returns how many luma samples across and down share one of chroma: 1 or 2. Gray has 1 and 1.
func (s Subsampling) factors() (x, y int) {
	switch s {
	case Sub420:
		return 2, 2
	case Sub422:
		return 2, 1
	}
	return 1, 1
}
