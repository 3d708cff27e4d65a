package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/fault"
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

func TestSoundProblems(t *testing.T) {
	f := newTestAPI(t, nil)
	for query, want := range map[string]string{
		"format=s16le":                          `"field":"rate"`,
		"rate=16000":                            `"field":"format"`,
		"format=mp3&rate=16000":                 `want s16le`,
		"format=s16le&rate=96000":               `want 8000..48000`,
		"format=s16le&rate=16000&captured_us=1": `"field":"captured_us"`,
		"format=s16le&rate=16000&x=1":           `unknown parameter, want some of captured_us, channels, format, rate`,
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
