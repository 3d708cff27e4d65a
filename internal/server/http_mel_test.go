package server_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/mel"
)

// pcm16 returns n samples of noise, as 16 bits and as floats.
func pcm16(n int) (raw []byte, floats []float32) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		v := int16(r.IntN(1<<15) - 1<<14)
		raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
		floats = append(floats, float32(v)/(1<<15))
	}
	return raw, floats
}

// wavHeader precedes n bytes of 16-bit samples of one channel; what declares is what it says of n.
func wavHeader(rate int, declares uint32) string {
	h := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	h = binary.LittleEndian.AppendUint32(h, uint32(rate))
	h = binary.LittleEndian.AppendUint32(h, uint32(rate)*2)
	h = append(h, "\x02\x00\x10\x00data"...)
	return string(binary.LittleEndian.AppendUint32(h, declares))
}

func compileMel(t testing.TB, preset string, rate int) *mel.Mel {
	t.Helper()
	spec, err := mel.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mel.Compile(spec, &mel.Options{InputRate: rate})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// floats32 returns little-endian floats.
func floats32(p []byte) []float32 {
	var f []float32
	for ; len(p) >= 4; p = p[4:] {
		f = append(f, math.Float32frombits(binary.LittleEndian.Uint32(p)))
	}
	return f
}

// postMel returns the response's body and shape.
func (s *running) postMel(t testing.TB, query string, body io.Reader) (data []byte, shape string) {
	t.Helper()
	req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/mel?"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport()
	transport.DisableKeepAlives = true
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data = readAll(t, resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %s, %s", query, resp.Status, data)
	}
	return data, resp.Header.Get("Steadyframe-Shape")
}

// TestMel compares what comes over HTTP with what package mel computes, bit for bit: every preset, forms of the body, of known and
// unknown length, and every form of the output.
func TestMel(t *testing.T) {
	s := start(t, nil)
	unknown := func(p string) io.Reader { return struct{ io.Reader }{strings.NewReader(p)} } // http sends it in chunks
	for _, preset := range mel.Presets() {
		const rate, n = 22050, 100_001
		raw, floats := pcm16(n)
		m := compileMel(t, preset, rate)
		want := m.Append(nil, floats)
		frames := len(want) / m.Bands()
		shape := fmt.Sprintf("%d,%d", frames, m.Bands())
		wav := wavHeader(rate, 2*n) + string(raw)
		var f32 []byte
		var stereo []byte
		for i, f := range floats {
			f32 = binary.LittleEndian.AppendUint32(f32, math.Float32bits(f))
			stereo = append(append(stereo, raw[2*i:2*i+2]...), raw[2*i:2*i+2]...)
		}
		for _, c := range []struct {
			name, query string
			body        io.Reader
		}{
			{"WAV", "", strings.NewReader(wav)},
			{"WAV in chunks", "", unknown(wav)},
			{"WAV with something behind it", "", strings.NewReader(wav + "LIST\x04\x00\x00\x00abcd")},
			{"WAV of a pipe", "", unknown(wavHeader(rate, math.MaxUint32) + string(raw))},
			{"s16le", "&format=s16le&rate=22050", bytes.NewReader(raw)},
			{"s16 in chunks", "&format=s16&rate=22050&channels=1", unknown(string(raw))},
			{"f32le", "&format=f32le&rate=22050", bytes.NewReader(f32)},
			{"two channels", "&format=s16le&rate=22050&channels=2", bytes.NewReader(stereo)},
			{"frames", "&layout=frames", strings.NewReader(wav)},
		} {
			got, gotShape := s.postMel(t, "preset="+preset+"&output=f32"+c.query, c.body)
			if !slices.Equal(floats32(got), want) || gotShape != shape {
				t.Errorf("%s, %s: got other features than package mel computes; shape %s, want %s", preset, c.name, gotShape, shape)
			}
		}
		var rows [][]float32
		text, _ := s.postMel(t, "preset="+preset+"&output=json", strings.NewReader(wav))
		if err := json.Unmarshal(text, &rows); err != nil || len(rows) != frames || !slices.Equal(slices.Concat(rows...), want) {
			t.Errorf("%s: got other features as JSON: %v", preset, err)
		}
		npy, _ := s.postMel(t, "preset="+preset, strings.NewReader(wav))
		if head := len(npy) - 4*len(want); head < 64 || !slices.Equal(floats32(npy[head:]), want) || !strings.Contains(string(npy[:head]), fmt.Sprintf("(%d, %d,)", frames, m.Bands())) {
			t.Errorf("%s: got other features as a .npy file of %d bytes", preset, len(npy))
		}
		turned, gotShape := s.postMel(t, "preset="+preset+"&output=f32&layout=bands", strings.NewReader(wav))
		for i, v := range floats32(turned) {
			if band, frame := i/frames, i%frames; v != want[frame*m.Bands()+band] {
				t.Errorf("%s: frame %d of band %d differs", preset, frame, band)
				break
			}
		}
		if want := fmt.Sprintf("%d,%d", m.Bands(), frames); gotShape != want {
			t.Errorf("%s: got shape %s, want %s", preset, gotShape, want)
		}
	}
}

// TestMelWindows wants Wav2Lip's windows for a video of 25 frames a second.
func TestMelWindows(t *testing.T) {
	s := start(t, nil)
	raw, floats := pcm16(32000)
	m := compileMel(t, "wav2lip", 16000)
	features := m.Append(nil, floats)
	w, err := m.Windows(25, 16)
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	n := w.Count(len(features) / m.Bands())
	for i := range n {
		want = w.Append(want, features, i)
	}
	query := "preset=wav2lip&format=s16le&rate=16000&fps=25&window=16"
	got, shape := s.postMel(t, query+"&output=f32", bytes.NewReader(raw))
	if !slices.Equal(floats32(got), want) || shape != fmt.Sprintf("%d,80,16", n) {
		t.Errorf("got other windows, of shape %s, want %d,80,16", shape, n)
	}
	text, _ := s.postMel(t, query+"&output=json", bytes.NewReader(raw))
	var windows [][][]float32
	if err := json.Unmarshal(text, &windows); err != nil || len(windows) != n {
		t.Fatalf("got %d windows as JSON, want %d: %v", len(windows), n, err)
	}
	for i, w := range windows {
		if !slices.Equal(slices.Concat(w...), want[i*80*16:(i+1)*80*16]) || len(w) != 80 {
			t.Errorf("window %d differs", i)
		}
	}
}

// TestMelStream sends sound hop by hop and wants features back before the next is sent.
func TestMelStream(t *testing.T) {
	s := start(t, nil)
	raw, floats := pcm16(16000)
	m := compileMel(t, "wav2lip", 16000)
	want := m.Append(nil, floats)
	send, pipe := io.Pipe()
	req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/mel?preset=wav2lip&output=f32&stream=true&format=s16le&rate=16000", send)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = pipe.Write(raw[:2*800]) }()
	transport := newTransport()
	transport.DisableKeepAlives = true
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if shape := resp.Header.Get("Steadyframe-Shape"); shape != "-1,80" {
		t.Errorf("got shape %s, want -1,80", shape)
	}
	const hop, lead = 200, 400
	row := make([]byte, 4*80)
	var got []float32
	for at := 800; ; {
		for frame := len(got) / 80; frame*hop+lead <= at; frame++ { // what the samples so far complete
			if _, err := io.ReadFull(resp.Body, row); err != nil {
				t.Fatalf("frame %d after %d samples: %v", frame, at, err)
			}
			got = append(got, floats32(row)...)
		}
		if at == len(floats) {
			break
		}
		if _, err := pipe.Write(raw[2*at : 2*at+2*hop]); err != nil {
			t.Fatal(err)
		}
		at += hop
	}
	_ = pipe.Close()
	got = append(got, floats32(readAll(t, resp.Body))...)
	if !slices.Equal(got, want) {
		t.Errorf("got %d features that differ from the %d of the whole sound", len(got), len(want))
	}
}

func TestMelProblems(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxMessageBytes = 1 << 20 })
	raw, _ := pcm16(1000)
	body := string(raw)
	const query = "preset=wav2lip&format=s16le&rate=16000"
	for _, c := range []struct {
		name, query, body string
		status            int
		field, limit      string
		detail            string
	}{
		{"no preset", "", body, 400, "preset", "", "got none, want wav2lip"},
		{"unknown preset", "preset=mfcc&format=s16&rate=16000", body, 400, "preset", "", `mfcc`},
		{"unknown parameter", query + "&hop=3", body, 400, "hop", "", "unknown parameter, want some of channels, format, fps"},
		{"twice", query + "&rate=8000", body, 400, "rate", "", "got it 2 times"},
		{"bad query", "a=%zz", body, 400, "query", "", "invalid URL escape"},
		{"bad format", "preset=wav2lip&format=mp3&rate=16000", body, 400, "format", "", `got "mp3", want s16le`},
		{"bad rate", "preset=wav2lip&format=s16le&rate=7999", body, 400, "rate", "", "want 8000..48000"},
		{"odd rate", "preset=wav2lip&format=s16le&rate=47999", body, 400, "rate", "", "47999"},
		{"no rate", "preset=wav2lip&format=s16le", body, 400, "rate", "", "got none"},
		{"rate of WAV", "preset=wav2lip&rate=16000", body, 400, "format", "", "got none"},
		{"bad output", query + "&output=png", body, 400, "output", "", "want npy, f32 or json"},
		{"window without fps", query + "&window=16", body, 400, "window", "", "want both"},
		{"windows by bands", query + "&window=16&fps=25&layout=bands", body, 400, "layout", "", "want one of them"},
		{"stream of npy", query + "&stream=true", body, 400, "stream", "", "output=f32"},
		{"empty", query, "", 400, "", "", "the body is empty"},
		{"half a sample", query, body + "x", 400, "", "", "got 2001 bytes, want a multiple of 2"},
		{"WAV and format", query, wavHeader(16000, 2000) + body, 400, "format", "", "want none"},
		{"not WAV", "preset=wav2lip", body, 415, "", "", "want RIFF and WAVE; for samples without a header, say format and rate"},
		{"WAV of 7999 Hz", "preset=wav2lip", wavHeader(7999, 2000) + body, 400, "rate", "", "want 8000..48000"},
		{"cut short", "preset=wav2lip", wavHeader(16000, 3000) + body, 400, "", "", "cut short: 1000 bytes"},
		{"too long", query, strings.Repeat(body, 300), 413, "", "limits.max_message_bytes", "send it in pieces, or as a stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(timeout(t), http.MethodPost, scheme+"://"+s.Addrs().HTTP+"/v1/mel?"+c.query, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			transport := newTransport()
			transport.DisableKeepAlives = true
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			checkProblem(t, resp, c.status, c.field, c.limit, c.detail)
		})
	}
	// A header that declares much takes no memory for it.
	s.postMel(t, "preset=wav2lip", strings.NewReader(wavHeader(16000, 0)+body))
	eventually(t, "nothing is held", func() bool { return s.Stats().Pool.InUse == 0 && s.Stats().Pool.Admitted == 0 })
}
