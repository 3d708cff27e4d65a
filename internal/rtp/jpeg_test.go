package rtp_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	pionrtp "github.com/pion/rtp"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// encode returns a JPEG of colored noise by our encoder.
func encode(t testing.TB, width, height int, o pipeline.Output) []byte {
	t.Helper()
	mem := pool.New(nil)
	in, err := frame.New(mem, frame.Desc{Format: frame.BGR24, Width: width, Height: height})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release()
	seed := uint32(1)
	for y := range height {
		row := in.Row(0, y)
		for i := range row {
			seed = seed*1664525 + 1013904223
			row[i] = byte(slope(i/3, y, i%3)) + byte(seed>>29)
		}
	}
	p, err := pipeline.Compile(pipeline.Spec{Input: in.Desc, Output: o}, &pipeline.Options{Pool: mem})
	if err != nil {
		t.Fatal(err)
	}
	b := pipeline.Batch{In: []frame.Frame{in}}
	defer b.Release()
	if err := p.Run(t.Context(), &b); err != nil || b.Out[0].Err != nil {
		t.Fatal(err, b.Out[0].Err)
	}
	return bytes.Clone(b.Out[0].Bytes())
}

func slope(x, y, c int) int { return x*(c+1) + y*2 }

// packets cuts a JPEG, and returns its packets as they go out over UDP.
func packets(t testing.TB, track *rtp.Track, data []byte, stamp uint32) [][]byte {
	t.Helper()
	var j rtp.JPEG
	if err := j.Parse(data); err != nil {
		t.Fatal(err)
	}
	var p rtp.Packets
	p.Cut(track, &j, rtp.NoChannel, stamp)
	var out [][]byte
	for i := 0; i < len(p.Parts); i += 2 {
		out = append(out, append(bytes.Clone(p.Parts[i]), p.Parts[i+1]...))
	}
	return out
}

// scanOf returns the entropy-coded bytes of a JPEG of one scan.
func scanOf(data []byte) []byte {
	at := bytes.Index(data, []byte{0xFF, 0xDA})
	scan := data[at+2+int(data[at+2])<<8+int(data[at+3]):]
	return bytes.TrimSuffix(scan, []byte{0xFF, 0xD9})
}

// decode puts packets together again, by gortsplib and pion, and checks how they are numbered.
func decode(t testing.TB, sent [][]byte, first uint16, ssrc, stamp uint32) []byte {
	t.Helper()
	var d rtpmjpeg.Decoder
	if err := d.Init(); err != nil {
		t.Fatal(err)
	}
	for i, raw := range sent {
		var p pionrtp.Packet
		if err := p.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		if len(raw) > rtp.MaxPacket || p.SequenceNumber != first+uint16(i) || p.SSRC != ssrc || p.Timestamp != stamp || p.PayloadType != rtp.TypeJPEG || p.Marker != (i == len(sent)-1) {
			t.Fatalf("packet %d of %d: got %d bytes, %+v", i, len(sent), len(raw), p.Header)
		}
		out, err := d.Decode(&p)
		if errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if i != len(sent)-1 {
			t.Fatalf("got an image after %d of %d packets", i+1, len(sent))
		}
		return out
	}
	t.Fatal("got no image")
	return nil
}

// Our images come out of another depacketizer as they went in, whatever their size, quality and restart interval.
func TestJPEG(t *testing.T) {
	for _, test := range []struct {
		width, height int
		out           pipeline.Output
	}{
		{8, 8, pipeline.Output{}},
		{16, 16, pipeline.Output{Quality: 100}},
		{128, 64, pipeline.Output{Quality: 30}},
		{640, 360, pipeline.Output{}},
		{640, 360, pipeline.Output{Subsampling: jpeg.Sub422}},
		{1920, 1080, pipeline.Output{Quality: 90}},
		{2040, 8, pipeline.Output{Quality: 95}},
		{8, 2040, pipeline.Output{Subsampling: jpeg.Sub422}},
	} {
		t.Run(fmt.Sprintf("%dx%d,%d,%v", test.width, test.height, test.out.Quality, test.out.Subsampling), func(t *testing.T) {
			data := encode(t, test.width, test.height, test.out)
			track := rtp.Track{SSRC: 0xABCD1234, Type: rtp.TypeJPEG, Rate: rtp.JPEGRate, Seq: 65530}
			got := decode(t, packets(t, &track, data, 77), 65530, 0xABCD1234, 77)
			if !bytes.Equal(scanOf(got), scanOf(data)) {
				t.Error("the entropy-coded bytes changed")
			}
			same(t, got, data)
		})
	}
}

// same fails t unless both JPEGs decode to the same pixels.
func same(t testing.TB, got, want []byte) {
	t.Helper()
	a, err := stdjpeg.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	b, err := stdjpeg.Decode(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	x, y := a.(*image.YCbCr), b.(*image.YCbCr)
	if x.Rect != y.Rect || x.SubsampleRatio != y.SubsampleRatio || !bytes.Equal(x.Y, y.Y) || !bytes.Equal(x.Cb, y.Cb) || !bytes.Equal(x.Cr, y.Cr) {
		t.Errorf("got other pixels: %v %v, want %v %v", x.Rect, x.SubsampleRatio, y.Rect, y.SubsampleRatio)
	}
}

// With restart markers each packet has a header more, which says that the image is one piece (RFC 2435, 3.1.7).
func TestRestart(t *testing.T) {
	data := encode(t, 640, 360, pipeline.Output{Restart: pipeline.RestartRow})
	track := rtp.Track{Type: rtp.TypeJPEG, Rate: rtp.JPEGRate}
	var scan []byte
	for i, raw := range packets(t, &track, data, 0) {
		head := raw[12:]
		if offset := int(head[1])<<16 | int(head[2])<<8 | int(head[3]); offset != len(scan) || head[4] != 65 || head[5] != 255 || head[6] != 80 || head[7] != 45 {
			t.Fatalf("packet %d: got header % x", i, head[:8])
		}
		if interval := int(head[8])<<8 | int(head[9]); interval != 40 || head[10] != 0xFF || head[11] != 0xFF { // 40 MCUs of 16 pixels
			t.Fatalf("packet %d: got restart header % x", i, head[8:12])
		}
		head = head[12:]
		if i == 0 {
			if !bytes.Equal(head[:4], []byte{0, 0, 0, 128}) {
				t.Fatalf("got table header % x", head[:4])
			}
			at := bytes.Index(data, []byte{0xFF, 0xDB})
			if !bytes.Equal(head[4:68], data[at+5:at+69]) || !bytes.Equal(head[68:132], data[at+70:at+134]) {
				t.Error("got other quantization tables than the JPEG's")
			}
			head = head[132:]
		}
		scan = append(scan, head...)
	}
	if !bytes.Equal(scan, scanOf(data)) {
		t.Error("the entropy-coded bytes changed")
	}
}

// What RTP cannot carry says why.
func TestUnsupported(t *testing.T) {
	gray := encode(t, 16, 16, pipeline.Output{Subsampling: jpeg.Gray})
	plain := encode(t, 16, 16, pipeline.Output{})
	with := func(old, replacement string) []byte {
		if !bytes.Contains(plain, []byte(old)) {
			t.Fatalf("no % x in the JPEG", old)
		}
		return bytes.Replace(plain, []byte(old), []byte(replacement), 1)
	}
	for _, test := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "want FF D8", nil},
		{"other", "want FF D8", []byte("GIF89a")},
		{"cut", "ends before its first scan", plain[:100]},
		{"no-scan", "want 1 to", append(bytes.Clone(plain[:len(plain)-2-len(scanOf(plain))]), 0xFF, 0xD9)},
		{"444", "4:4:4", encode(t, 16, 16, pipeline.Output{Subsampling: jpeg.Sub444})},
		{"gray", "gray", gray},
		{"width", "multiples of 8", encode(t, 30, 16, pipeline.Output{})},
		{"height", "multiples of 8", encode(t, 16, 18, pipeline.Output{})},
		{"too-wide", "at most 2040", encode(t, 2048, 8, pipeline.Output{})},
		{"progressive", "progressive", with("\xff\xc0", "\xff\xc2")},
		{"arithmetic", "FF C9", with("\xff\xc0", "\xff\xc9")},
		{"own-Huffman", "Huffman", with("\x00\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00", "\x00\x00\x01\x05\x01\x01\x01\x01\x01\x00\x01")},
		{"16-bit-tables", "16 bits", with("\xff\xdb\x00\x84\x00", "\xff\xdb\x00\x84\x10")},
		{"12-bit", "12 bits", with("\xff\xc0\x00\x11\x08", "\xff\xc0\x00\x11\x0c")},
		{"rgb", "red", with("\xff\xdb\x00\x84", "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00\xff\xdb\x00\x84")},
		{"odd-422", "22 12 12", with("\x01\x22\x00\x02\x11\x01\x03\x11\x01", "\x01\x22\x00\x02\x12\x01\x03\x12\x01")},
		{"no-table", "no quantization", with("\x02\x11\x01\x03\x11\x01", "\x02\x11\x03\x03\x11\x03")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var j rtp.JPEG
			err := j.Parse(test.data)
			var u *rtp.UnsupportedError
			if !errors.As(err, &u) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an UnsupportedError about %s", err, test.want)
			}
		})
	}
	for size, want := range map[[2]int][2]int{{30, 18}: {24, 16}, {3840, 2160}: {2040, 1144}, {4, 100}: {8, 96}} {
		err := new(rtp.JPEG).Parse(encode(t, size[0], size[1], pipeline.Output{}))
		var u *rtp.UnsupportedError
		if !errors.As(err, &u) || u.Width != want[0] || u.Height != want[1] {
			t.Errorf("%v: got %+v, want the size %v", size, u, want)
		}
	}
	if err := new(rtp.JPEG).Parse(plain); err != nil {
		t.Errorf("the JPEG that was altered above: %v", err)
	}
}

// JPEGs of other encoders are carried where they can be.
func TestOthersJPEGs(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range 320 * 240 {
		img.Set(i%320, i/320, color.RGBA{byte(i), byte(i / 320), byte(i / 7), 255})
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{"image/jpeg": b.Bytes()}
	ffmpeg := exec.CommandContext(t.Context(), exttool.Require(t, "ffmpeg", "ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240", "-frames:v", "1",
		"-pix_fmt", "yuvj420p", "-huffman", "default", "-f", "mjpeg", "-")
	out, err := ffmpeg.Output()
	if err != nil {
		t.Fatal(err)
	}
	data["ffmpeg"] = out
	for name, jpeg := range data {
		t.Run(name, func(t *testing.T) {
			track := rtp.Track{Type: rtp.TypeJPEG}
			same(t, decode(t, packets(t, &track, jpeg, 0), 0, 0, 0), jpeg)
		})
	}
}

// TestAllocations: packets of an image, of sound and reports are made without an allocation once memory has grown.
func TestAllocations(t *testing.T) {
	data := encode(t, 640, 360, pipeline.Output{})
	video := rtp.Track{Type: rtp.TypeJPEG, Rate: rtp.JPEGRate}
	audio := rtp.Track{Type: rtp.TypeL16, Rate: 48000}
	var j rtp.JPEG
	var p rtp.Packets
	samples, out := make([]byte, rtp.L16Bytes), []byte{}
	now := time.Now()
	alloctest.Zero(t, 100, func() {
		if err := j.Parse(data); err != nil {
			t.Fatal(err)
		}
		p.Cut(&video, &j, 0, 1)
		p.Release()
		out = audio.AppendL16(out[:0], 2, false, 1, samples)
		out = video.AppendReport(out, 1, now, time.Second)
	})
}

// FuzzJPEG: nothing makes Parse panic, and what it accepts comes out of another depacketizer with the same entropy-coded bytes.
func FuzzJPEG(f *testing.F) {
	for _, o := range []pipeline.Output{{}, {Subsampling: jpeg.Sub422}, {Subsampling: jpeg.Sub444}, {Restart: pipeline.RestartRow}} {
		f.Add(encode(f, 24, 16, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		var j rtp.JPEG
		if j.Parse(data) != nil {
			return
		}
		track := rtp.Track{Type: rtp.TypeJPEG, Rate: rtp.JPEGRate}
		var scan []byte
		for _, raw := range packets(t, &track, data, 0) {
			var p pionrtp.Packet
			if err := p.Unmarshal(raw); err != nil {
				t.Fatal(err)
			}
			head := 8
			if p.Payload[4]&64 != 0 {
				head += 4
			}
			if len(scan) == 0 {
				head += 132
			}
			scan = append(scan, p.Payload[head:]...)
		}
		if !bytes.Equal(scan, j.Scan) {
			t.Fatal("the entropy-coded bytes changed")
		}
	})
}
