package ffmpeg

import (
	"encoding/binary"
	"io"
	"path/filepath"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
)

// TestTrack: the first sample of the sound has the time stamp 0, whatever the input begins with.
func TestTrack(t *testing.T) {
	dir := t.TempDir()
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:d=1 -itsoffset 0.5 -f lavfi -i sine=f=1000:r=16000:d=0.5 -c:v ffv1 -c:a pcm_s16le late.mkv")
	makeClip(t, dir, "-f lavfi -i testsrc=s=16x12:d=0.2 -c:v ffv1 none.mkv")
	p := pool.New(nil)
	for _, o := range []Options{{Path: filepath.Join(dir, "none.mkv"), Sound: true}, {Path: filepath.Join(dir, "late.mkv")}} {
		r, err := Open(t.Context(), o, p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Sound() != nil {
			t.Errorf("%s, sound=%v: got sound, want none", o.Path, o.Sound)
		}
		r.Close()
	}
	r, err := Open(t.Context(), Options{Path: filepath.Join(dir, "late.mkv"), Sound: true}, p)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	frames := 0
	for { // All frames first: ffmpeg must not wait for who reads the sound.
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
		frames++
	}
	wav, err := io.ReadAll(r.Sound())
	if err != nil || len(wav) < 44 || string(wav[:4]) != "RIFF" {
		t.Fatalf("got %d bytes, %v, want WAV", len(wav), err)
	}
	samples := wav[len(wav)-2*16000:] // ffmpeg's head has more than 44 bytes
	first := 0
	for first < 16000 && int16(binary.LittleEndian.Uint16(samples[2*first:])) == 0 {
		first++
	}
	if frames != 25 || len(wav) > 2*16000+200 || first < 7990 || first > 8020 {
		t.Errorf("got %d frames, %d bytes of WAV, the first sample that is not silent is %d; want 25, 32000 and the head, 8000", frames, len(wav), first)
	}
}

// TestTrackFull: sound that nobody reads is bounded.
func TestTrackFull(t *testing.T) {
	r, w := io.Pipe()
	track := newTrack(r)
	piece := make([]byte, 1<<20)
	for range maxTrack>>20 + 2 { // All of it is read from the pipe.
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	<-track.done
	if n, err := track.Read(piece); n != 0 || err != errTrackFull {
		t.Errorf("got %d bytes, %v, want errTrackFull", n, err)
	}
}
