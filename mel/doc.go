// Package mel makes log-mel features of sound for models: what Wav2Lip, Whisper, Kaldi, HTK and librosa make of it, frame by
// frame, without allocating.
//
//	spec, err := mel.Preset("wav2lip")
//	...
//	m, err := mel.Compile(spec, mel.Options{InputRate: 48000, Workers: workers})
//	...
//	features = m.Append(features[:0], pcm)   // a whole file: m.Frames(len(pcm)) rows of m.Bands() features
//	w, err := m.Windows(25, 16)              // for a model that takes 16 rows for each of 25 pictures a second
//	input = w.Append(input[:0], features, i) // of picture i, band by band
//
// A [Spec] is data: the transform, the filter bank and the logarithm. [Preset] has the known ones. [Compile] checks it and
// makes all tables; [Mel.Append] then takes a whole file, and a [Stream] chunks of any length as they come, with the same
// features bit for bit. Both are the same for any number of workers, any processor, and any way to cut a stream.
//
// Sound is mono, as float32 samples of which 1 is full scale, or as 16-bit little-endian PCM (the methods with PCM16 in
// their names). Where its rate is not the Spec's, it is resampled. A NaN counts as 0, and what is beyond ±2^20 as ±2^20.
//
// docs/mel.md has the definitions, what they were compared with, and how long they take.
package mel
