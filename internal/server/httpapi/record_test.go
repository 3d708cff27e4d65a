package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// publishAt publishes a copy of a JPEG that was captured then.
func (f *fixture) publishAt(t testing.TB, p *stream.Publisher, data []byte, captured time.Time) {
	t.Helper()
	b, err := f.pool.Get(len(data))
	if err != nil {
		t.Fatal(err)
	}
	copy(b.Bytes(), data)
	if err := p.Publish(stream.Image{Buf: b, Width: imageWidth, Height: imageHeight, Captured: captured}); err != nil {
		t.Fatal(err)
	}
}

// TestRecord records images that were captured at uneven times, up to an end, and compares what ffprobe reads with them. The
// JPEGs are unchanged.
func TestRecord(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	steps := []time.Duration{0, 40, 33, 1, 250, 999, 17} // milliseconds after the one before
	all := images(t, len(steps)+1)
	var times []time.Duration
	start := time.Now()
	at := time.Duration(0)
	f.publishAt(t, p, all[0], start)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, step := range steps {
			at += step * time.Millisecond
			times = append(times, at)
			if i > 0 {
				f.publishAt(t, p, all[i], start.Add(at))
			}
			eventually(t, "the image is recorded", func() bool {
				info, _ := f.hub.Info("cam1")
				return len(info.Viewers) == 1 && info.Viewers[0].Delivered == uint64(i+1)
			})
		}
		f.publishAt(t, p, all[len(steps)], start.Add(5*time.Second)) // the end: sooner than the recording ends by itself
	}()
	resp, body := f.get(t, "GET", "/record/cam1?seconds=5")
	<-done
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "video/x-matroska" || resp.ContentLength != -1 {
		t.Fatalf("got %s, %v, %.100q", resp.Status, resp.Header, body)
	}
	for i := range steps {
		if !bytes.Contains(body, all[i]) {
			t.Errorf("image %d is not in the recording as it was published", i)
		}
	}
	if bytes.Contains(body, all[len(steps)]) {
		t.Error("the recording has the image of its end")
	}
	eventually(t, "it is a viewer no more", func() bool { return f.viewerCount("cam1") == 0 })
	got := packets(t, body)
	if len(got) != len(times) {
		t.Fatalf("got %d packets, want %d", len(got), len(times))
	}
	for i, packet := range got {
		if pts, err := strconv.ParseFloat(packet.PTS, 64); err != nil || math.Abs(pts-times[i].Seconds()) > 0.001 {
			t.Errorf("packet %d is at %s, want %v", i, packet.PTS, times[i])
		}
	}
}

// packet is what ffprobe says of a packet.
type packet struct {
	Codec string `json:"codec_type"`
	PTS   string `json:"pts_time"`
	Size  string
}

// packets returns the packets of a recording, as ffprobe reads them.
func packets(t *testing.T, recording []byte) []packet {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording.mkv")
	if err := os.WriteFile(path, recording, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(exttool.Require(t, "ffprobe", "ffmpeg"), "-v", "error", "-show_packets", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Packets []packet }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got.Packets
}

// TestRecordSound records images and sound, and compares the times that ffprobe reads with those that were given.
func TestRecordSound(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	format := stream.SoundFormat{Rate: 16000, Channels: 1}
	ring, err := f.pool.Get(stream.SoundBytes(format))
	if err != nil {
		t.Fatal(err)
	}
	speaker, err := f.hub.PublishSound("cam1", format, ring)
	if err != nil {
		t.Fatal(err)
	}
	defer speaker.Close()
	all := images(t, 3)
	start := time.Now()
	f.publishAt(t, p, all[0], start)
	const soundBytes = 12800 // 400 ms
	done := make(chan struct{})
	go func() {
		defer close(done)
		eventually(t, "the recording has begun", func() bool {
			info, _ := f.hub.Info("cam1")
			return len(info.Viewers) == 1 && info.Viewers[0].Delivered == 1
		})
		if err := speaker.Publish(bytes.Repeat([]byte{1, 1}, soundBytes/2), start.Add(123*time.Millisecond)); err != nil {
			t.Error(err)
		}
		f.publishAt(t, p, all[1], start.Add(456*time.Millisecond))
		eventually(t, "the image is recorded", func() bool {
			info, _ := f.hub.Info("cam1")
			return info.Viewers[0].Delivered == 2
		})
		f.publishAt(t, p, all[2], start.Add(5*time.Second)) // the end: sooner than the recording ends by itself
	}()
	_, body := f.get(t, "GET", "/record/cam1?seconds=5")
	<-done
	want := []float64{0, 0.456}
	heard := 0
	for _, packet := range packets(t, body) {
		pts, err := strconv.ParseFloat(packet.PTS, 64)
		if err != nil {
			t.Fatal(err)
		}
		size, err := strconv.Atoi(packet.Size)
		switch {
		case err != nil:
			t.Fatal(err)
		case packet.Codec == "audio":
			if due := 0.123 + float64(heard)/32000; math.Abs(pts-due) > 0.001 {
				t.Errorf("got sound at %v, want it at %.4f", pts, due)
			}
			heard += size
		case len(want) == 0 || math.Abs(pts-want[0]) > 0.001:
			t.Errorf("got an image at %v, want %v", pts, want)
		default:
			want = want[1:]
		}
	}
	if heard != soundBytes || len(want) > 0 {
		t.Errorf("got %d bytes of sound, and no images at %v, want %d, and all", heard, want, soundBytes)
	}
}

// TestRecordEnds: a recording of a stream that stands still ends in its time, and a client can tell an end that was asked for
// from one that was not.
func TestRecordEnds(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	f.publish(t, p, images(t, 1)[0])
	if resp, body := f.get(t, "GET", "/record/cam1?seconds=0.01"); resp.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("got %s, %d bytes", resp.Status, len(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", scheme()+f.addr+"/record/cam1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: clientTLS()}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	f.engine.Drain()
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if err == nil {
		t.Error("the server stops: got a proper end, want an error")
	}
}

func TestRecordRefuses(t *testing.T) {
	f := newFixture(t, nil, func(c *config.Config, o *stream.Options) { c.Timeout.Queue = config.Duration(50 * time.Millisecond) })
	f.publisher(t, "empty")
	for path, want := range map[string]string{"none": "not_found", "empty": "offline", "empty?seconds=0": "invalid", "empty?seconds=-1": "invalid", "empty?fps=x": "invalid"} {
		if resp, body := f.get(t, "GET", "/record/"+path); resp.Header.Get("Fault") != want {
			t.Errorf("%s: got %s %s, want %s", path, resp.Header.Get("Fault"), body, want)
		}
	}
}
