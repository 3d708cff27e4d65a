package ffmpeg

import (
	"errors"
	"io"
	"runtime"
	"sync"
)

// canTrack says whether a child can have a third pipe to write to: not on Windows (os/exec, Cmd.ExtraFiles).
const canTrack = runtime.GOOS != "windows"

// trackArgs are the arguments that make ffmpeg write the sound beside the frames.
var trackArgs = []string{
	"-map", "0:a:0", "-af", "aresample=async=1:min_hard_comp=0.02:first_pts=0,aformat=sample_fmts=s16:channel_layouts=mono|stereo:sample_rates=" + soundRates,
	"-c:a", "pcm_s16le", "-f", "wav", "-flush_packets", "1", "pipe:3",
}

// maxTrack is how many bytes of sound are kept that nobody has read: 40 s of 48 kHz in stereo.
const maxTrack = 8 << 20

// errTrackFull ends sound that comes too far ahead of its frames.
var errTrackFull = errors.New("ffmpeg: the sound is too far ahead of its frames: more than 8 MB of it wait")

// track keeps sound until somebody reads it. ffmpeg writes frames and sound by turns and waits for whoever reads either, so it
// must never wait for a reader of sound who waits for a frame.
type track struct {
	done chan struct{} // closed when all was read from the child

	mu   sync.Mutex
	more sync.Cond
	data []byte
	err  error
}

// newTrack starts to read the sound from r.
func newTrack(r io.Reader) *track {
	t := &track{done: make(chan struct{})}
	t.more.L = &t.mu
	go t.run(r)
	return t
}

func (t *track) run(r io.Reader) {
	defer close(t.done)
	piece := make([]byte, 16<<10)
	for {
		n, err := r.Read(piece)
		if !t.add(piece[:n], err) {
			return
		}
	}
}

// add keeps p, and returns whether there is more to come.
func (t *track) add(p []byte, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.more.Broadcast()
	switch {
	case t.err != nil: // The rest is read and thrown away.
	case len(t.data)+len(p) > maxTrack:
		t.data, t.err = nil, errTrackFull
	default:
		t.data = append(t.data, p...)
	}
	if err != nil && t.err == nil {
		t.err = io.EOF // What was wrong, the frames say too.
	}
	return err == nil
}

// Read is part of io.Reader. It waits for more sound.
func (t *track) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.data) == 0 && t.err == nil {
		t.more.Wait()
	}
	if len(t.data) == 0 {
		return 0, t.err
	}
	n := copy(p, t.data)
	if t.data = t.data[n:]; len(t.data) == 0 {
		t.data = nil
	}
	return n, nil
}
