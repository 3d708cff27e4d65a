package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os/exec"
)

// readSound returns the sound of any file that ffmpeg reads: 16-bit little-endian samples of one channel.
func readSound(path string) ([]byte, error) {
	pcm, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", fmt.Sprint(rate), "-f", "s16le", "-").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s: ffmpeg: %s", path, exit.Stderr)
	}
	return pcm, err
}

// vowels are the first two formants of a, i, u, e, o, in Hz (Peterson and Barney, 1952).
var vowels = [][2]float64{{730, 1090}, {270, 2290}, {300, 870}, {530, 1840}, {570, 840}}

// speech returns sound like speech: two sentences of vowels, each with silence behind it.
func speech() (pcm []byte) {
	for _, syllables := range []int{9, 5} {
		for i := range syllables {
			pitch := 150 - 30*float64(i)/float64(syllables) // it falls, as in a statement
			pcm = syllable(pcm, pitch, vowels[(3*i+syllables)%len(vowels)])
		}
		pcm = append(pcm, make([]byte, 30*piece)...)
	}
	return pcm
}

// syllable appends a vowel of a fifth of a second: harmonics of the pitch, loud near the formants.
func syllable(pcm []byte, pitch float64, formants [2]float64) []byte {
	const samples = rate / 5
	var harmonics []float64
	for f := pitch; f < 4000; f += pitch {
		loud := 0.02
		for _, formant := range formants {
			loud += 1 / (1 + math.Pow((f-formant)/80, 2))
		}
		harmonics = append(harmonics, loud)
	}
	for n := range samples {
		var v float64
		for h, loud := range harmonics {
			v += loud * math.Sin(2*math.Pi*pitch*float64(h+1)*float64(n)/rate)
		}
		envelope := math.Pow(math.Sin(math.Pi*float64(n)/samples), 2)
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(8000*envelope*v)))
	}
	return pcm
}
