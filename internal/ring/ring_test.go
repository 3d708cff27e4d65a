package ring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestMessages: what is set is parsed again.
func TestMessages(t *testing.T) {
	var m Message
	m.SetHello(5)
	if v, ok := m.HelloVersion(); v != Version || !ok || m.Payload() != 5 {
		t.Errorf("hello: got version %d, %t, payload %d", v, ok, m.Payload())
	}
	l := Layout{Slots: 3, Batch: 2, InputSlot: 8192, FramePitch: 4096, FrameBytes: 4000, OutputSlot: 12288, Width: 7, Height: 8}
	l.Set(&m)
	if got, ok := ParseLayout(&m); got != l || !ok {
		t.Errorf("got %+v, %t, want %+v", got, ok, l)
	}
	s := Submit{Slot: 1, Generation: 2, Frames: 3, Bytes: 4, CapturedUS: 5, Tag: 6, Flags: FlagMore}
	s.Set(&m)
	if got := ParseSubmit(&m); got != s || m.Kind() != KindSubmit {
		t.Errorf("got %+v, want %+v", got, s)
	}
	d := Done{Slot: 1, Generation: 2, Frames: 3, Failed: 4, RunNS: 5, Tag: 6}
	d.Set(&m)
	if got := ParseDone(&m); got != d || m.Kind() != KindDone || m.Code() != 0 {
		t.Errorf("got %+v, want %+v", got, d)
	}
	for _, e := range []ServerError{{Code: 2, Text: "t"}, {Code: 10, Text: "t", Field: "f", Limit: "l", Got: 1 << 40, Max: -2, RetryAfter: time.Second}, {Code: 3, Limit: "l"}, {Code: 4, Field: "f"}} {
		p := d.AppendFailed([]byte("xy"), &e)[2:]
		copy(m[:], p)
		if got := ParseDone(&m); m.Kind() != KindDone || int(m.Payload()) != len(p)-Size || got.Slot != 1 || got.Generation != 2 || got.Tag != 6 {
			t.Errorf("got %+v with %d bytes of payload", got, m.Payload())
		}
		if got := ParseError(&m, p[Size:]); *got != e {
			t.Errorf("DONE: got %+v, want %+v", got, e)
		}
		p = e.AppendError(nil)
		copy(m[:], p)
		if got := ParseError(&m, p[Size:]); *got != e || m.Kind() != KindError || int(m.Payload()) != len(p)-Size {
			t.Errorf("ERROR: got %+v, want %+v", got, e)
		}
	}
	i := Image{Slot: 1, Generation: 2, Flags: 3, Bytes: 4, Seq: 5, CapturedUS: 6, SentUS: 7, Width: 8, Height: 9}
	i.Set(&m)
	if got := ParseImage(&m); got != i || m.Kind() != KindImage {
		t.Errorf("got %+v, want %+v", got, i)
	}
	st := Status{Viewers: 1, Flags: FlagLast, Arrived: 2, Published: 3, Dropped: 4, Same: 5, FPSOut: 6.5}
	p := AppendStatus(nil, &st, [5]uint64{1, 2, 3, 4, 5})
	copy(m[:], p)
	if got := ParseStatus(&m); got != st || int(m.Payload()) != len(p)-Size || ParseDropped(p[Size:]) != [5]uint64{1, 2, 3, 4, 5} {
		t.Errorf("got %+v, want %+v", got, st)
	}
	m.SetOutput(1, 2, 4096)
	if n, ok := m.OutputBytes(); n != 4096 || !ok || m.Slot() != 1 {
		t.Errorf("got %d, %t, want 4096", n, ok)
	}
	long := ServerError{Code: 2, Text: strings.Repeat("ä", MaxText), Field: "f", Limit: "l"}
	p = long.AppendError(nil)
	copy(m[:], p)
	if got := ParseError(&m, p[Size:]); len(p) > Size+MaxText || len(p) < Size+MaxText-1 || got.Field != "f" || got.Limit != "l" || !utf8.ValidString(got.Text) {
		t.Errorf("a long text: got %d bytes, field %q, limit %q, want %d at most", len(p)-Size, got.Field, got.Limit, MaxText)
	}
	area := make([]byte, 64)
	e := Entry{Offset: 64, Bytes: 5, Code: 2}
	e.Put(area, 3)
	if got := ParseEntry(area, 3); got != e {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

// TestDefaultPath: it is in the runtime directory where there is one, and the directory must be private.
func TestDefaultPath(t *testing.T) {
	runtime := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	if got, want := DefaultPath(), filepath.Join(runtime, "steadyframe", "ring.sock"); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	dir := DefaultDir()
	if err := CheckDir(dir); err == nil {
		t.Error("a directory that is not there: got no error")
	}
	for range 2 {
		if err := MakeDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := CheckDir(dir); err == nil && filepath.Separator == '/' {
		t.Error("a directory that all may write: got no error")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(runtime, dir); err != nil {
		t.Skip(err)
	}
	if err := MakeDir(dir); err == nil {
		t.Error("a symbolic link: got no error")
	}
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	if got := DefaultDir(); !filepath.IsAbs(got) {
		t.Errorf("got %s, want an absolute path", got)
	}
}

// TestHelloErrors: each says which field is wrong, as the other ways in name it.
func TestHelloErrors(t *testing.T) {
	for _, tt := range []struct{ payload, field, text string }{
		{`{"use":3}`, "use", "got JSON number, want a string"},
		{`{"use":"encode","spec":{"resize":{"mode":3}}}`, "resize.mode", "got JSON number, want a string"},
		{`{"use":"encode","spec":{"input":{"width":4.5}}}`, "input.width", "got JSON number 4.5, want a whole number"},
		{`{"use":"encode","spec":[]}`, "spec", "got JSON array, want an object"},
		{`{"use":"watch","fps":"x"}`, "fps", "got JSON string, want a number"},
		{`{`, "", ""},
		{`{"use":"encode"} {}`, "", ""},
		{`[]`, "", ""},
		{`{"use":"dance"}`, "use", ""},
		{`{"use":"encode","slots":65}`, "slots", ""},
		{`{"use":"encode","slot":3}`, "slot", ""},
		{`{"use":"encode","batch":-1}`, "batch", ""},
		{`{"use":"watch","batch":2,"stream":"x"}`, "batch", ""},
		{`{"use":"publish","jpeg_bytes":-1,"stream":"x"}`, "jpeg_bytes", ""},
		{`{"use":"watch"}`, "stream", ""},
		{`{"use":"watch","stream":"x","client":"` + strings.Repeat("c", 65) + `"}`, "client", ""},
		{`{"use":"encode","spec":{"resize":{"mode":"zoom"}}}`, "resize.mode", ""},
		{`{"use":"encode","spec":{"input":{"width":4,"format":"bgr25"}}}`, "input.format", ""},
		{`{"use":"encode","spec":{"crop":"1x"}}`, "crop", ""},
		{`{"use":"encode","spec":{"crops":{"a":{"b":{"c":{"d":1}}}}}}`, "crops", ""},
		{`{"use":"encode","spec":{"output":{"restart":{"a":{"b":{"c":{"d":1}}}}}}}`, "output.restart", ""},
	} {
		_, err := ParseHello([]byte(tt.payload))
		var wrong *HelloError
		if !errors.As(err, &wrong) || wrong.Field != tt.field || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v with %+v, want field %q and %q", tt.payload, err, wrong, tt.field, tt.text)
		}
	}
}

// FuzzHello: whatever comes, a Hello without an error is within its bounds.
func FuzzHello(f *testing.F) {
	for _, s := range []string{"", "{}", `{"use":"encode"}`, `{"use":"watch","stream":"x","slots":9}`, `{"use":"publish","stream":"x","fps":1e400}`,
		`{"use":"encode","batch":3,"spec":{"input":{"format":"bgr24","width":4,"height":4},"output":{"restart":"row"}}}`, `{"use":"encode"}{}`,
		`{"use":"encode","spec":{"resize":{"mode":"zoom"}}}`, `{"use":{"a":{"b":{"c":{"d":{"e":1}}}}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHello(data)
		if err != nil {
			return
		}
		if h.Slots < 1 || h.Slots > MaxSlots || h.Batch < 1 || h.JPEGBytes < 1 || (h.Use == Encode) != (h.Stream == "") {
			t.Errorf("got %+v for %q", h, data)
		}
	})
}

// FuzzLayout: whatever comes, a Layout that is accepted keeps frames within their slot, and slots within what an int holds.
func FuzzLayout(f *testing.F) {
	var m Message
	l := Layout{Slots: 3, Batch: 2, InputSlot: 8192, FramePitch: 4096, FrameBytes: 4000, OutputSlot: 12288}
	l.Set(&m)
	f.Add(m[:])
	f.Fuzz(func(t *testing.T, data []byte) {
		copy(m[:], data)
		l, ok := ParseLayout(&m)
		if !ok {
			return
		}
		if end := (l.Batch-1)*l.FramePitch + l.FrameBytes; l.InputSlot > 0 && (end > l.InputSlot || end < 0) || l.Slots*l.InputSlot < 0 || l.Slots*l.OutputSlot < 0 {
			t.Errorf("got %+v", l)
		}
	})
}
