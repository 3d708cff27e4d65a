package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// speaker is a publisher of sound under test.
type speaker struct {
	*io.PipeWriter
	done chan speakerEnd
}

type speakerEnd struct {
	status int
	body   string
	err    error
}

// speak begins to publish sound.
func (f *testAPI) speak(query string) *speaker {
	in, out := io.Pipe()
	s := &speaker{out, make(chan speakerEnd, 1)}
	go func() {
		var end speakerEnd
		defer func() { s.done <- end }()
		resp, err := http.Post(f.url+"/v1/streams/cam/sound?"+query, "", in)
		if err != nil {
			end.err = err
			return
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		end = speakerEnd{resp.StatusCode, string(data), err}
		_ = in.Close()
	}()
	return s
}

// tone returns n samples, each its number.
func tone(first, n int) []byte {
	var p []byte
	for i := range n {
		p = binary.LittleEndian.AppendUint16(p, uint16(first+i))
	}
	return p
}

// TestSound publishes sound, and a listener gets every sample from when it came.
func TestSound(t *testing.T) {
	f := newTestAPI(t, nil)
	s := f.speak("format=s16le&rate=16000")
	const early = 30_000 // Samples from here on may reach the listener or not: it comes while they do.
	if _, err := s.Write(tone(early, 320)); err != nil {
		t.Fatal(err)
	}
	listed := func(listeners int) bool {
		resp, err := http.Get(f.url + "/v1/streams/cam")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var e entry
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
			t.Fatal(err)
		}
		return e.Sound != nil && *e.Sound == soundEntry{16000, 1, listeners}
	}
	eventually(t, "the stream has sound", func() bool { return listed(0) })
	resp, err := http.Get(f.url + "/sound/cam.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "audio/wav" {
		t.Fatalf("got %s, %v", resp.Status, resp.Header)
	}
	head := make([]byte, 44)
	if _, err := io.ReadFull(resp.Body, head); err != nil || string(head[:4]) != "RIFF" || binary.LittleEndian.Uint32(head[24:]) != 16000 {
		t.Fatalf("got the head %q, %v", head, err)
	}
	if !listed(1) {
		t.Error("the list has no listener, want one")
	}
	for i := range 20 {
		want := tone(1000*i, 640)
		if _, err := s.Write(want[:333]); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(want[333:]); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		_, err := io.ReadFull(resp.Body, got[:2])
		for err == nil && binary.LittleEndian.Uint16(got) >= early {
			_, err = io.ReadFull(resp.Body, got[:2])
		}
		if err == nil {
			_, err = io.ReadFull(resp.Body, got[2:])
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("chunk %d: got other samples", i)
		}
	}
	_ = s.Close()
	if end := <-s.done; end.status != http.StatusOK || !strings.Contains(end.body, `"seconds":0.82`) {
		t.Errorf("got %+v, want 0.82 seconds", end)
	}
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("after the end: got %d bytes, %v, want the end", len(rest), err)
	}
	if listed(0) || listed(1) {
		t.Error("the stream has sound after its end")
	}
}

// TestSoundTakenOver: another publisher of sound takes over.
func TestSoundTakenOver(t *testing.T) {
	f := newTestAPI(t, nil)
	first := f.speak("format=s16le&rate=16000")
	if _, err := first.Write(tone(0, 320)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first speaks", func() bool { info, _ := f.live.Hub.Info("cam"); return info.Sound.Rate == 16000 })
	second := f.speak("")
	var wav bytes.Buffer
	wav.WriteString("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x03\x00\x02\x00")
	for _, v := range []any{uint32(48000), uint32(48000 * 8), uint16(8), uint16(32), []byte("data\xff\xff\xff\xff"), float32(0.5), float32(-0.5)} {
		if err := binary.Write(&wav, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := second.Write(wav.Bytes()); err != nil {
		t.Fatal(err)
	}
	if end := <-first.done; end.status != http.StatusConflict {
		t.Errorf("the first: got %+v, want 409", end)
	}
	_ = first.Close()
	if info, _ := f.live.Hub.Info("cam"); info.Sound.Rate != 48000 || info.Sound.Channels != 2 {
		t.Errorf("got sound %+v, want that of the second", info.Sound)
	}
	_ = second.Close()
	if end := <-second.done; end.status != http.StatusOK {
		t.Errorf("the second: got %+v", end)
	}
}

// TestSoundBegins: the first samples begin the sound, however few there are.
func TestSoundBegins(t *testing.T) {
	f := newTestAPI(t, nil)
	s := f.speak("format=s16le&rate=16000")
	if _, err := s.Write(tone('R', 1)); err != nil { // It could be the first byte of RIFF, but for the next one.
		t.Fatal(err)
	}
	eventually(t, "it speaks", func() bool { info, _ := f.live.Hub.Info("cam"); return info.Sound.Rate == 16000 })
	_ = s.Close()
	if end := <-s.done; end.status != http.StatusOK || !strings.Contains(end.body, `"seconds":0.0000625`) {
		t.Errorf("got %+v, want one sample", end)
	}
	for body, want := range map[string]int{"RIFF": http.StatusBadRequest, "RI": http.StatusOK, "R": http.StatusBadRequest, "": http.StatusBadRequest} {
		resp, err := http.Post(f.url+"/v1/streams/cam/sound?format=s16le&rate=16000", "", io.MultiReader(strings.NewReader(body))) // of unknown length
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: got %s, want %d", body, resp.Status, want)
		}
	}
}

// TestSoundPieces: pieces that say their times are for these, however they are cut on their way, and those that say none follow.
func TestSoundPieces(t *testing.T) {
	f := newTestAPI(t, nil)
	start := time.Now().Add(-30 * time.Second).Truncate(time.Microsecond)
	var body []byte
	add := func(at time.Duration, samples []byte) {
		body = fmt.Appendf(body, "SOUND captured_us=%d samples=%d\r\n", start.Add(at).UnixMicro(), len(samples)/4)
		body = append(body, samples...)
	}
	add(0, tone(1000, 640))
	body = append(append(body, "SOUND samples=320\n"...), tone(2000, 640)...) // from 20 ms on
	add(200*time.Millisecond, tone(3000, 2*10000))                            // more than is read at once
	add(7*time.Second, tone(4000, 640))
	in, out := io.Pipe()
	done := make(chan speakerEnd, 1)
	go func() {
		resp, err := http.Post(f.url+"/v1/streams/cam/sound?format=s16le&rate=32000&channels=2", "application/x-steadyframe-sound", in)
		if err != nil {
			done <- speakerEnd{err: err}
			return
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		done <- speakerEnd{resp.StatusCode, string(data), err}
	}()
	if _, err := out.Write(body[:1]); err != nil {
		t.Fatal(err)
	}
	if info, _ := f.live.Hub.Info("cam"); info.Sound.Rate != 0 {
		t.Errorf("got sound %+v before there is some", info.Sound)
	}
	first := bytes.IndexByte(body, '\n') + 1
	if _, err := out.Write(body[1:first]); err != nil {
		t.Fatal(err)
	}
	var l *stream.Listener
	eventually(t, "there is sound", func() (ok bool) {
		var err error
		l, err = f.live.Hub.Listen("cam", nil)
		return err == nil
	})
	defer l.Close()
	var got []byte
	times := map[int]time.Duration{} // of the bytes before
	for rest := body[first:]; len(got) < 4*(320+320+10000+320); {
		n := min(len(rest), 1001)
		if _, err := out.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		if rest = rest[n:]; n == 0 {
			<-l.Wake()
		}
		for {
			p := make([]byte, 1<<20)
			n, at, err := l.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			times[len(got)] = at.Sub(start)
			got = append(got, p[:n]...)
		}
	}
	if want := bytes.Join([][]byte{tone(1000, 640), tone(2000, 640), tone(3000, 2*10000), tone(4000, 640)}, nil); !bytes.Equal(got, want) {
		t.Fatal("got other samples than were sent")
	}
	for n, at := range times {
		want := time.Duration(n/4) * time.Second / 32000
		switch moment := n / 4; {
		case moment >= 10640:
			want += 7*time.Second - 10640*time.Second/32000
		case moment >= 640:
			want += 200*time.Millisecond - 640*time.Second/32000
		}
		if (at - want).Abs() > time.Microsecond {
			t.Errorf("byte %d: got it for %v, want %v", n, at, want)
		}
	}
	for _, at := range []int{4 * 640, 4 * 10640} {
		if _, ok := times[at]; !ok {
			t.Errorf("got no piece from byte %d on, want one where its time does not follow", at)
		}
	}
	_ = out.Close()
	if end := <-done; end.status != http.StatusOK || !strings.Contains(end.body, `"seconds":0.3425`) {
		t.Errorf("got %+v, want 0.3425 seconds", end)
	}
}

func TestSoundPieceProblems(t *testing.T) {
	f := newTestAPI(t, nil)
	const query = "format=s16le&rate=16000"
	for _, tt := range [][3]string{ // query, body, what is said
		{"", "SOUND samples=1\nxx", `"field":"format"`},
		{query + "&captured_us=" + fmt.Sprint(time.Now().UnixMicro()), "SOUND samples=1\nxx", `"field":"captured_us"`},
		{query, "", "the body is empty"},
		{query, "SOUND", "ends inside the line of a piece, after 0 pieces"},
		{query, "twelve bytes\n", `line of piece 0: got \"twelve bytes\", want SOUND`},
		{query, "SOUND\n", "samples: got none"},
		{query, "SOUND samples=0\n", "samples: got \\\"0\\\", want 1..172800000"},
		{query, "SOUND samples=999999999999\n", "want 1..172800000"},
		{query, "SOUND samples=1 captured_us=1\n", "captured_us: got \\\"1\\\", want microseconds"},
		{query, "SOUND samples=1 x=1\n", "got \\\"x=1\\\", want samples=N or captured_us=T"},
		{query, "SOUND samples=1 " + strings.Repeat("x", 300) + "\n", "line of piece 0 is too long: got more than 256 bytes"},
		{query, "SOUND samples=1\nxxSOUND samples=2\nxx", "bytes of samples are missing"},
		{query, "SOUND samples=1\nx", "bytes of samples are missing"},
		{query, "SOUND samples=1\nxxy\n", `line of piece 1`},
	} {
		resp, err := http.Post(f.url+"/v1/streams/cam/sound?"+tt[0], "application/x-steadyframe-sound", strings.NewReader(tt[1]))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), tt[2]) {
			t.Errorf("%.60q: got %s %s, %v, want 400 and %s", tt[1], resp.Status, body, err, tt[2])
		}
	}
	eventually(t, "nothing is held", func() bool { return f.engine.Pool.Stats().InUse == 0 })
}

// FuzzSoundLine: a line that is accepted says a number of samples within bounds, and says the same again.
func FuzzSoundLine(f *testing.F) {
	for _, seed := range []string{"SOUND samples=320 captured_us=1764480000000000\n", "SOUND samples=1\r\n", "SOUND\n", "\n", "SOUND captured_us=9 samples=x"} {
		f.Add([]byte(seed))
	}
	now := time.UnixMicro(1764480000000000)
	f.Fuzz(func(t *testing.T, line []byte) {
		samples, captured, err := parseSoundLine(line, now)
		if err != nil {
			return
		}
		if samples < 1 || samples > maxSoundSamples || !captured.IsZero() && (captured.Sub(now) > time.Minute || now.Sub(captured) > time.Hour) {
			t.Fatalf("got %d samples for %v", samples, captured)
		}
		text := fmt.Sprintf("SOUND samples=%d", samples)
		if !captured.IsZero() {
			text += fmt.Sprintf(" captured_us=%d", captured.UnixMicro())
		}
		if n, at, err := parseSoundLine([]byte(text), now); n != samples || !at.Equal(captured) || err != nil {
			t.Fatalf("%q: got %d for %v, %v", text, n, at, err)
		}
	})
}

func TestSoundProblems(t *testing.T) {
	f := newTestAPI(t, nil)
	for query, want := range map[string]string{
		"format=s16le":                          `"field":"rate"`,
		"rate=16000":                            `"field":"format"`,
		"format=mp3&rate=16000":                 `want s16le`,
		"format=s16le&rate=96000":               `want 8000..48000`,
		"format=s16le&rate=16000&captured_us=1": `"field":"captured_us"`,
		"format=s16le&rate=16000&x=1":           `unknown parameter, want some of captured_us, channels, continuous, format, rate`,
		"format=s16le&rate=16000&continuous=2":  `"field":"continuous"`,
		"":                                      `want RIFF and WAVE`,
	} {
		resp, err := http.Post(f.url+"/v1/streams/cam/sound?"+query, "", strings.NewReader("twelve bytes"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode < 400 || resp.StatusCode >= 500 || !strings.Contains(string(body), want) {
			t.Errorf("%s: got %s, %s, want %s", query, resp.Status, body, want)
		}
	}
	for path, status := range map[string]int{"/sound/cam.wav": 404, "/sound/none.wav": 404, "/sound/cam.mp3": 404} {
		resp, err := http.Get(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: got %s, want %d", path, resp.Status, status)
		}
	}
}

// FuzzParseSoundQuery: whatever the query, what is refused names a parameter.
func FuzzParseSoundQuery(f *testing.F) {
	f.Add("format=s16le&rate=16000&channels=2")
	f.Add("captured_us=1700000000000000")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseSoundQuery(raw)
		var refused *fault.Error
		if err != nil && (!errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Field == "") {
			t.Fatalf("%q: got %#v, want an Invalid fault with a field", raw, err)
		}
		if err == nil && q.pcm.Rate != 0 && q.pcm.MomentBytes() < 1 {
			t.Fatalf("%q: got %+v", raw, q)
		}
	})
}
