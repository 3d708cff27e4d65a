package mkv_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/mkv"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// recording is a file with its images.
type recording struct {
	data  []byte
	times []time.Duration
	jpegs [][]byte
}

// record returns a file of n images at uneven times, with sound if rate is not 0.
func record(t testing.TB, n, rate int) recording {
	t.Helper()
	var r recording
	r.data = mkv.AppendHead(nil, mkv.Head{Width: 64, Height: 48, Rate: rate, Channels: 1, Start: time.Unix(1_700_000_000, 0)})
	var blocks mkv.Blocks
	random := rand.New(rand.NewPCG(1, 2))
	at := time.Duration(0)
	heard := 0
	for i := range n {
		for ; rate > 0 && time.Duration(heard)*time.Second/time.Duration(rate) <= at; heard += rate / 50 {
			r.data = blocks.Append(r.data, mkv.Sound, time.Duration(heard)*time.Second/time.Duration(rate), 2*(rate/50))
			r.data = append(r.data, make([]byte, 2*(rate/50))...)
		}
		m := image.NewRGBA(image.Rect(0, 0, 64, 48))
		for k := range m.Pix {
			m.Pix[k] = byte(random.Uint32())
		}
		var p bytes.Buffer
		if err := jpeg.Encode(&p, m, nil); err != nil {
			t.Fatal(err)
		}
		r.data = append(blocks.Append(r.data, mkv.Images, at, p.Len()), p.Bytes()...)
		r.times, r.jpegs = append(r.times, at), append(r.jpegs, p.Bytes())
		at += time.Duration(1+random.IntN(400)) * time.Millisecond
		if i == n/2 {
			at += 70 * time.Second // more than a block can be from its cluster
		}
	}
	return r
}

// probed is what ffprobe says of a file.
type probed struct {
	Packets []struct {
		CodecType string `json:"codec_type"`
		PTS       string `json:"pts_time"`
		Size      string `json:"size"`
	}
	Streams []struct {
		CodecName     string `json:"codec_name"`
		Width, Height int
		SampleRate    string `json:"sample_rate"`
	}
	Format struct{ Duration string }
}

func probe(t testing.TB, path string) (p probed) {
	t.Helper()
	cmd := exec.Command(exttool.Require(t, "ffprobe", "ffmpeg"), "-v", "warning", "-show_packets", "-show_streams", "-show_format", "-of", "json", path)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffprobe: %v, %s", err, &complaints)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, data []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPlayers compares what ffprobe reads with what was written: the times and sizes of packets as the file grows and when it
// is finished, and then its duration. ffmpeg seeks in it, and finds the JPEGs unchanged.
func TestPlayers(t *testing.T) {
	for _, rate := range []int{0, 48000} {
		r := record(t, 40, rate)
		f := write(t, r.data)
		check := func(when string) probed {
			p := probe(t, f.Name())
			var got []time.Duration
			for _, packet := range p.Packets {
				if packet.CodecType != "video" {
					continue
				}
				seconds, err := strconv.ParseFloat(packet.PTS, 64)
				if err != nil {
					t.Fatal(err)
				}
				if i := len(got); i < len(r.jpegs) && packet.Size != strconv.Itoa(len(r.jpegs[i])) {
					t.Errorf("%s: image %d has %s bytes, want %d", when, i, packet.Size, len(r.jpegs[i]))
				}
				got = append(got, time.Duration(math.Round(seconds*1e9)))
			}
			if len(got) != len(r.times) {
				t.Fatalf("%s: got %d images, want %d", when, len(got), len(r.times))
			}
			for i := range got {
				if d := got[i] - r.times[i]; d.Abs() > time.Millisecond {
					t.Errorf("%s: image %d is at %v, want %v", when, i, got[i], r.times[i])
				}
			}
			if tracks := min(rate, 1) + 1; len(p.Streams) != tracks || p.Streams[0].CodecName != "mjpeg" || p.Streams[0].Width != 64 || p.Streams[0].Height != 48 {
				t.Errorf("%s: got streams %+v, want %d, the first of 64x48 MJPEG", when, p.Streams, tracks)
			}
			if rate > 0 && (p.Streams[1].CodecName != "pcm_s16le" || p.Streams[1].SampleRate != strconv.Itoa(rate)) {
				t.Errorf("%s: got sound %+v, want 16 bits of %d Hz", when, p.Streams[1], rate)
			}
			return p
		}
		check("growing")
		s, err := mkv.Finish(f, int64(len(r.data)))
		last := r.times[len(r.times)-1]
		want := 2*last - r.times[len(r.times)-2]
		if err != nil || s.Images != len(r.jpegs) || s.Duration != want || s.Cut != 0 {
			t.Fatalf("got %+v, %v, want %d images, %v", s, err, len(r.jpegs), want)
		}
		p := check("finished")
		if d, err := strconv.ParseFloat(p.Format.Duration, 64); err != nil || math.Abs(d-want.Seconds()) > 0.0011 {
			t.Errorf("got duration %s, want %v", p.Format.Duration, want)
		}
		ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
		seek := r.times[30].Seconds()
		out, err := exec.Command(exttool.Require(t, "ffprobe", "ffmpeg"), "-v", "error", "-select_streams", "v", "-read_intervals", fmt.Sprintf("%.3f%%+#1", seek), "-show_entries", "packet=pts_time", "-of", "csv=p=0", f.Name()).Output()
		if at, parseErr := strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil || parseErr != nil || at > seek+0.001 || at < seek-1.5 {
			t.Errorf("ffprobe seeks to %.3f and finds %s, %v, want an image of the second before it", seek, out, err)
		}
		if out, err := exec.Command(ffmpeg, "-v", "error", "-xerror", "-i", f.Name(), "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("ffmpeg: %v, %s", err, out)
		}
	}
}

// TestFinishCutShort: wherever the bytes end, what is whole becomes a file, or there is an error.
func TestFinishCutShort(t *testing.T) {
	r := record(t, 8, 0)
	for size := 0; size <= len(r.data); size += 7 {
		f := &memory{data: bytes.Clone(r.data[:size])}
		s, err := mkv.Finish(f, int64(size))
		if err != nil {
			if s.Images > 0 {
				t.Errorf("%d bytes: got %d images and %v", size, s.Images, err)
			}
			continue
		}
		if s.Cut >= int64(len(r.jpegs[0])+mkv.MaxBlockHead+200) || !bytes.Contains(f.data, r.jpegs[s.Images-1]) {
			t.Errorf("%d bytes: got %+v, want all whole images", size, s)
		}
		again, err := mkv.Finish(&memory{data: f.data}, int64(len(f.data)))
		if err == nil {
			t.Errorf("%d bytes: finished again: %+v, want an error: there is no room", size, again)
		}
	}
}

// memory is a File.
type memory struct{ data []byte }

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, at)
}
func (m *memory) Truncate(n int64) error { m.data = m.data[:n]; return nil }
func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(m.data) {
		m.data = append(m.data, make([]byte, need-len(m.data))...)
	}
	return copy(m.data[at:], p), nil
}

// FuzzFinish: whatever the bytes, Finish ends, writes nothing far behind them, and takes no more memory than they are worth.
func FuzzFinish(f *testing.F) {
	r := record(f, 3, 0)
	f.Add(r.data)
	f.Add(r.data[:200])
	f.Add([]byte("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &memory{data: bytes.Clone(data)}
		s, err := mkv.Finish(m, int64(len(data)))
		if err == nil && (s.Images < 1 || s.Duration < 0 || s.Cut < 0 || s.Cut > int64(len(data))) {
			t.Fatalf("got %+v", s)
		}
		if len(m.data) > 100+10*len(data) {
			t.Fatalf("got %d bytes of %d", len(m.data), len(data))
		}
	})
}

func TestBlocksAllocateNothing(t *testing.T) {
	var blocks mkv.Blocks
	p := make([]byte, 0, mkv.MaxBlockHead)
	at := time.Duration(0)
	alloctest.Zero(t, 100, func() {
		at += 700 * time.Millisecond
		if p = blocks.Append(p[:0], mkv.Images, at, 1000); cap(p) != mkv.MaxBlockHead {
			t.Fatal("a block's head is longer than MaxBlockHead")
		}
	})
}
