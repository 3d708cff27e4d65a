package mel

import (
	"fmt"
	"slices"
)

// Windows says which frames of features belong to each picture of a video: for a model that takes so many frames for each.
type Windows struct {
	bands, frames int
	step          float64 // frames from one picture to the next
}

// Windows returns the windows of a number of frames, for pictures at fps a second. Wav2Lip takes 16 frames for each of 25
// pictures a second. The error, for fps outside 1..1000 and frames outside 1..4096, is a *SpecError.
func (m *Mel) Windows(fps float64, frames int) (Windows, error) {
	if !(fps >= 1 && fps <= 1000) {
		return Windows{}, &SpecError{"fps", fmt.Sprintf("got %g, want 1..1000", fps)}
	}
	if frames < 1 || frames > 4096 {
		return Windows{}, &SpecError{"frames", fmt.Sprintf("got %d, want 1..4096", frames)}
	}
	return Windows{bands: m.spec.Bands, frames: frames, step: float64(m.spec.Rate) / (float64(m.spec.Hop) * fps)}, nil
}

// Start returns the first frame of picture i: int(i * frames a second / fps), for Wav2Lip's 80 frames and 25 pictures
// int(80*i/25). So the window begins at the picture's time. A product that is a whole number but for its rounding counts
// as that.
func (w Windows) Start(i int) int { return int(float64(i)*w.step + 1e-7) }

// Count returns how many pictures there are windows for in so many frames, by Wav2Lip's rule: one for each window that lies
// inside, and one more, the last, that ends where the frames end. Of fewer frames than a window's there is none.
func (w Windows) Count(frames int) int {
	last := frames - w.frames // where the last window begins
	if last < 0 {
		return 0
	}
	i := max(0, int(float64(last)/w.step)-1)
	for w.Start(i) <= last {
		i++
	}
	return i + 1
}

// Size returns the number of features of a window.
func (w Windows) Size() int { return w.bands * w.frames }

// Append appends the window of picture i to dst, as models take it: band by band, the frames of each. features are whole
// frames, as Mel.Append makes them, at least as many as a window's. A window that would reach beyond their end is the one
// that ends there. It panics for a picture below 0 and for too few frames.
func (w Windows) Append(dst, features []float32, i int) []float32 {
	total := len(features) / w.bands
	if i < 0 || total < w.frames {
		panic("mel: window outside of the features")
	}
	start := min(w.Start(i), total-w.frames)
	at := len(dst)
	dst = slices.Grow(dst, w.Size())[:at+w.Size()]
	out := dst[at:]
	for f := range w.frames {
		frame := features[(start+f)*w.bands:][:w.bands]
		for b, x := range frame {
			out[b*w.frames+f] = x
		}
	}
	return dst
}
