package mel_test

import (
	"fmt"
	"log"
	"math"

	"github.com/steadyframe/steadyframe/mel"
)

// A second of a tone, and the features that Wav2Lip takes for one video frame.
func Example() {
	spec, err := mel.Preset("wav2lip")
	if err != nil {
		log.Fatal(err)
	}
	m, err := mel.Compile(spec, &mel.Options{InputRate: 48000})
	if err != nil {
		log.Fatal(err)
	}
	pcm := make([]float32, 48000)
	for i := range pcm {
		pcm[i] = 0.3 * float32(math.Sin(2*math.Pi*1000*float64(i)/48000))
	}
	features := m.Append(nil, pcm)

	w, err := m.Windows(25, 16)
	if err != nil {
		log.Fatal(err)
	}
	frames := len(features) / m.Bands()
	fmt.Println(frames, "frames,", w.Count(frames), "video frames; window 10 begins with frame", w.Start(10))
	input := w.Append(nil, features, 10)
	fmt.Printf("80 bands of 16 frames: %d features; of 1000 Hz %.1f, of 3000 Hz %.1f\n", len(input), input[25*16], input[52*16])
	// Output:
	// 81 frames, 22 video frames; window 10 begins with frame 32
	// 80 bands of 16 frames: 1280 features; of 1000 Hz 2.2, of 3000 Hz -4.0
}

// Chunks of 20 ms, as a microphone or a socket brings them.
func ExampleStream() {
	spec, err := mel.Preset("whisper80")
	if err != nil {
		log.Fatal(err)
	}
	m, err := mel.Compile(spec, nil)
	if err != nil {
		log.Fatal(err)
	}
	s := m.Stream()
	defer s.Close()
	var features []float32
	for range 5 {
		features = s.AppendPCM16(features, make([]byte, 640))
		fmt.Print(len(features)/m.Bands(), " ")
	}
	features = s.Flush(features)
	fmt.Println(len(features) / m.Bands())
	// Output: 1 3 5 7 9 10
}
