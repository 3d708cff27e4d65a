package mel

import (
	"fmt"
	"slices"
)

// Windows maps video frames to the frames of features that a model takes for each of them.
type Windows struct {
	bands, frames int
	step          float64 // frames of features from one video frame to the next
}

// Windows returns windows of so many frames of features for a video of fps frames a second: 16 and 25 for Wav2Lip. The error, for fps outside 1..1000 and frames outside 1..4096, is a *SpecError.
func (m *Mel) Windows(fps float64, frames int) (Windows, error) {
	if !(fps >= 1 && fps <= 1000) {
		return Windows{}, &SpecError{"fps", fmt.Sprintf("got %g, want 1..1000", fps)}
	}
	if frames < 1 || frames > 4096 {
		return Windows{}, &SpecError{"frames", fmt.Sprintf("got %d, want 1..4096", frames)}
	}
	return Windows{bands: m.spec.Bands, frames: frames, step: float64(m.spec.Rate) / (float64(m.spec.Hop) * fps)}, nil
}

// Start returns the first frame of features for video frame i: int(i * FrameRate / fps), which is int(80*i/25) for Wav2Lip.
// So the window begins at the time of the video frame. A product that is an integer but for rounding counts as that integer.
func (w Windows) Start(i int) int { return int(float64(i)*w.step + 1e-7) }

// Count returns how many video frames have a window in so many frames of features, by Wav2Lip's rule: one for each window
// that lies inside, and one more, the last, whose window ends where the features end. It is 0 when there are fewer frames
// than one window takes.
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

// Append appends the window of video frame i to dst, with Size features, band by band: the shape [bands][frames] that models
// take. features has whole frames, as Mel.Append makes them, and at least as many as a window. A window that would reach
// beyond the end is moved to end there. Append panics when i is negative and when there are too few frames.
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
