// Package mel computes log-mel features of sound for models, as Wav2Lip, Whisper, Kaldi, HTK and librosa define them. It
// allocates nothing after the first call.
//
//	spec, err := mel.Preset("wav2lip")
//	...
//	m, err := mel.Compile(spec, &mel.Options{InputRate: 48000, Workers: workers})
//	...
//	features = m.Append(features[:0], pcm)   // a whole file: m.Frames(len(pcm)) rows of m.Bands() features
//	w, err := m.Windows(25, 16)              // for a model that takes 16 rows for each of 25 video frames a second
//	input = w.Append(input[:0], features, i) // for video frame i, band by band
//
// A [Spec] is data: the transform, the filter bank and the logarithm. [Preset] returns the known ones. [Compile] validates a
// Spec and builds all tables. [Mel.Append] takes a whole file, a [Stream] takes chunks of any length as they arrive, and both
// return the same features bit for bit, for any number of workers, on any processor, and for any chunks.
//
// Sound is mono, as float32 samples of which 1 is full scale, or as 16-bit little-endian PCM (the methods with PCM16 in
// their names). Where its rate is not the Spec's, it is resampled. A NaN counts as 0, and what is beyond ±2^20 as ±2^20.
//
// docs/mel.md has the definitions, the accuracy and the speed.
package mel
