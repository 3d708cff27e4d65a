package sound_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/sound"
)

// TestAppendS16: samples keep their value as 16 bits, within full scale; more than two channels are averaged.
func TestAppendS16(t *testing.T) {
	pack := func(values ...any) []byte {
		var b bytes.Buffer
		for _, v := range values {
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	for _, tt := range []struct {
		name string
		f    sound.Format
		in   []byte
		want []int16
	}{
		{"as it is", sound.Format{Encoding: sound.S16, Channels: 2}, pack([]int16{1, -2, 3, -4, 5}), []int16{1, -2, 3, -4}},
		{"floats", sound.Format{Encoding: sound.F32, Channels: 1}, pack([]float32{0, 0.5, -1, 1, 7, -7, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}), []int16{0, 16384, -32768, 32767, 32767, -32768, 0, 32767, -32768}},
		{"float64 stereo", sound.Format{Encoding: sound.F64, Channels: 2}, pack([]float64{0.25, -0.25}), []int16{8192, -8192}},
		{"bytes", sound.Format{Encoding: sound.U8, Channels: 1}, []byte{0, 128, 255}, []int16{-32768, 0, 32512}},
		{"three channels", sound.Format{Encoding: sound.S16, Channels: 3}, pack([]int16{3, 6, 9, -3, 0, 0}), []int16{6, -1}},
		{"32 bits", sound.Format{Encoding: sound.S32, Channels: 1}, pack([]int32{1 << 30, -1 << 31, 1<<31 - 1}), []int16{16384, -32768, 32767}},
	} {
		p := tt.f.AppendS16(nil, tt.in)
		got := make([]int16, len(p)/2)
		for i := range got {
			got[i] = int16(binary.LittleEndian.Uint16(p[2*i:]))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAppendHeader: the header is one that ReadHeader reads, without an end.
func TestAppendHeader(t *testing.T) {
	f, n, err := sound.ReadHeader(bytes.NewReader(sound.AppendHeader(nil, 44100, 2)))
	if want := (sound.Format{Encoding: sound.S16, Channels: 2, Rate: 44100}); err != nil || f != want || n != -1 {
		t.Errorf("got %+v, %d bytes, %v, want %+v, -1", f, n, err, want)
	}
}
