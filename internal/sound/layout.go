package sound

import "github.com/steadyframe/steadyframe/mel"

// Layout is how the features of a sound are arranged in an array. The zero value is frame by frame.
type Layout struct {
	ByBands bool    // band by band; without effect on windows, whose order is their own
	FPS     float64 // of the video whose frames the windows are for; 0: no windows
	Window  int     // frames of a window
}

// Array returns the array of features of m. It borrows them as long as the array is used. The error, a *mel.SpecError, is about
// FPS or Window, which are both 0 or both in the range of mel.Mel.Windows.
func (l Layout) Array(m *mel.Mel, features []float32) (Array, error) {
	bands := m.Bands()
	switch {
	case l.FPS != 0 || l.Window != 0:
		w, err := m.Windows(l.FPS, l.Window)
		if err != nil {
			return Array{}, err
		}
		return ByWindows(features, bands, l.Window, w), nil
	case l.ByBands:
		return ByBands(features, bands), nil
	}
	return ByFrames(features, bands), nil
}

// Bytes returns the size of the data of an array of so many frames of features. The error is that of Array.
func (l Layout) Bytes(m *mel.Mel, frames int) (int64, error) {
	if l.FPS == 0 && l.Window == 0 {
		return 4 * int64(frames) * int64(m.Bands()), nil
	}
	w, err := m.Windows(l.FPS, l.Window)
	if err != nil {
		return 0, err
	}
	return 4 * int64(w.Count(frames)) * int64(w.Size()), nil
}
