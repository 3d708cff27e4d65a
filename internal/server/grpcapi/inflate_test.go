package grpcapi

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
)

// zipped returns data as one gzip member.
func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inMessage returns data as the body of a compressed message.
func inMessage(data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(data))), data...)
}

// TestGzip: compressed messages have the responses of plain ones, in one gzip member or several, and among plain ones.
func TestGzip(t *testing.T) {
	first, second := grayRequest(3), &api.EncodeRequest{Id: 6, Frames: [][]byte{make([]byte, 900), make([]byte, 899)}}
	for i, f := range first.Frames {
		for j := range f {
			f[j] = byte(i * j)
		}
	}
	plain := framed(t, first)
	two := append(bytes.Clone(plain), framed(t, second)...)
	body := plain[5:]
	short := inMessage(zipped(t, two[len(plain)+5:]))
	ask := func(data []byte, unary bool) [][]byte {
		c := &scripted{in: bytes.NewReader(data), encoding: "gzip"}
		if err := serve(t, c, unary); err != nil {
			t.Fatal(err)
		}
		var out [][]byte
		for _, sent := range c.sent {
			var r api.EncodeResponse
			if err := proto.Unmarshal(sent, &r); err != nil {
				t.Fatal(err)
			}
			r.QueueUs, r.RunUs = 0, 0
			sent, err := proto.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, sent)
		}
		return out
	}
	want := ask(two, false)
	if len(want) != 2 {
		t.Fatalf("got %d responses, want 2", len(want))
	}
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"one-member", inMessage(zipped(t, body))},
		{"members", inMessage(slices.Concat(zipped(t, body[:7]), zipped(t, nil), zipped(t, body[7:1000]), zipped(t, body[1000:])))},
		{"plain", plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(append(tt.data, short...), false); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("got %d responses, which are not the %d to plain messages", len(got), len(want))
			}
			if got := ask(tt.data, true); !slices.EqualFunc(got, want[:1], bytes.Equal) {
				t.Errorf("one call: got %d responses, which are not that to a plain message", len(got))
			}
		})
	}
}

// TestBadGzip: what is no gzip data, or not whole, is Invalid, wherever it breaks off.
func TestBadGzip(t *testing.T) {
	body := framed(t, grayRequest(2))[5:]
	good := zipped(t, body)
	refused := func(name, encoding string, data []byte, kind fault.Kind, want string) {
		t.Helper()
		c := &scripted{in: bytes.NewReader(data), encoding: encoding}
		err := serve(t, c, false)
		if f := fault.From(err); f == nil || f.Kind != kind || !strings.Contains(f.Error(), want) || len(c.sent) > 0 {
			t.Errorf("%s: got %v, %d responses, want %s, %q", name, err, len(c.sent), kind, want)
		}
	}
	for n := range good {
		refused(fmt.Sprint("truncated at ", n), "gzip", inMessage(good[:n]), fault.Invalid, "ends too early")
		refused(fmt.Sprint("the call ends at ", n), "gzip", inMessage(good)[:5+n], fault.Invalid, "ended inside a message")
	}
	wrongSum := bytes.Clone(good)
	wrongSum[len(wrongSum)-8] ^= 1
	refused("checksum", "gzip", inMessage(wrongSum), fault.Invalid, "not valid gzip data: gzip: invalid checksum")
	refused("garbage", "gzip", inMessage(body), fault.Invalid, "not valid gzip data: gzip: invalid header")
	refused("trailing garbage", "gzip", inMessage(append(bytes.Clone(good), "trailing garbage"...)), fault.Invalid, "not valid gzip data: gzip: invalid header")
	refused("a field that is not whole", "gzip", inMessage(zipped(t, body[:len(body)-1])), fault.Invalid, "ends inside a field")
	refused("without encoding", "", inMessage(good), fault.Unsupported, `the grpc-encoding ""`)
	refused("another encoding", "snappy", inMessage(good), fault.Unsupported, `the grpc-encoding "snappy"`)
	flag := inMessage(good)
	flag[0] = 2
	refused("another flag", "gzip", flag, fault.Unsupported, "want it plain, or gzip")
}

// bombs returns messages of a field of 24 MiB, and of that many bytes in small fields.
func bombs(t *testing.T) map[string][]byte {
	t.Helper()
	const bytes = 24 << 20
	spec, err := proto.Marshal(&api.EncodeRequest{Spec: specMessage(t, gray)})
	if err != nil {
		t.Fatal(err)
	}
	zeros := string(make([]byte, bytes))
	return map[string][]byte{
		"frame":   zipped(t, message(spec).bytes(3, zeros)),
		"unknown": zipped(t, message(spec).bytes(99, zeros)),
		"small":   zipped(t, []byte(strings.Repeat(string(message{}.bytes(99, zeros[:64<<10])), bytes>>16))),
	}
}

// TestGzipBomb: a message that would be larger than the limits is refused, plain or not, before there is memory for it.
func TestGzipBomb(t *testing.T) {
	for name, data := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			settings := config.Default()
			settings.Limits.MaxMessageBytes = 8 << 20
			e := engine.New(settings, metrics.New(), nil)
			defer e.Close()
			if len(data) > 1<<20 {
				t.Fatalf("the bomb has %d bytes, want fewer", len(data))
			}
			for _, unary := range []bool{false, true} {
				c := &scripted{in: bytes.NewReader(inMessage(data)), encoding: "gzip"}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := serveWith(t, e, c, unary)
				runtime.ReadMemStats(&after)
				if f := fault.From(err); f == nil || f.Kind != fault.TooLarge || f.Limit != "limits.max_message_bytes" {
					t.Errorf("got %v, want TooLarge for limits.max_message_bytes", err)
				}
				if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
					t.Errorf("got %d bytes allocated for a bomb", n)
				}
				if s := e.Pool.Stats(); s.InUse+s.Idle > 1<<20 {
					t.Errorf("got %d bytes of the pool used for a bomb", s.InUse+s.Idle)
				}
			}
		})
	}
}

// TestGzipBeyondTheBudget: where the memory for the most that may come out is more than the budget, as much comes out as
// fits, and the rest is refused.
func TestGzipBeyondTheBudget(t *testing.T) {
	settings := config.Default()
	settings.Limits.MemoryBudget = 4 << 20
	settings.Limits.MemoryFloor = 0
	e := engine.New(settings, metrics.New(), nil)
	defer e.Close()
	frames := func(n int) []byte {
		return inMessage(zipped(t, framed(t, &api.EncodeRequest{Spec: specMessage(t, gray), Frames: slices.Repeat([][]byte{make([]byte, 900)}, n)})[5:]))
	}
	c := &scripted{in: bytes.NewReader(frames(16)), encoding: "gzip"}
	if err := serveWith(t, e, c, false); err != nil || len(c.sent) != 1 {
		t.Errorf("got %v, %d responses, want one", err, len(c.sent))
	}
	// Without a spec before them, nothing bounds the frames but the message.
	late := message{}
	for range 8 {
		late = late.bytes(3, string(make([]byte, 1<<20)))
	}
	c = &scripted{in: bytes.NewReader(inMessage(zipped(t, late))), encoding: "gzip"}
	err := serveWith(t, e, c, false)
	if f := fault.From(err); f == nil || f.Limit != "limits.memory_budget" || f.Kind != fault.TooLarge {
		t.Errorf("got %v, want TooLarge for limits.memory_budget", err)
	}
}

// FuzzGzip: what comes out of a compressed message is what package gzip makes of it, whatever the sizes of the reads.
func FuzzGzip(f *testing.F) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte("some text, some text")); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), uint8(3))
	f.Add(append(bytes.Clone(b.Bytes()), b.Bytes()...), uint8(40))
	f.Add(append(bytes.Clone(b.Bytes()), 0x1f), uint8(7))
	f.Add(b.Bytes()[:b.Len()-9], uint8(1))
	e := engine.New(config.Default(), metrics.New(), nil)
	f.Cleanup(e.Close)
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		const most = 1 << 20
		var want []byte
		r, wantErr := gzip.NewReader(bytes.NewReader(data))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(r, most))
		}
		if len(want) == most {
			t.Skip("a bomb")
		}
		c := &call{service: &service{engine: e}, in: &scripted{in: bytes.NewReader(data)}, ctx: t.Context(), receiving: time.NewTimer(time.Hour)}
		defer c.receiving.Stop()
		defer c.inflated()
		err := c.inflate(len(data))
		var got []byte
		piece := make([]byte, int(size)+1)
		for err == nil {
			var more bool
			if more, err = c.more(); !more {
				break
			}
			if err = c.fill(piece[:1]); err != nil {
				t.Fatalf("got %v, want the byte that there is more", err)
			}
			got = append(got, piece[0])
			var n int
			n, err = c.inflater.read(piece)
			got = append(got, piece[:n]...)
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, %v, want %d, %v", len(got), err, len(want), wantErr)
		}
		if err != nil && fault.From(err).Kind != fault.Invalid {
			t.Errorf("got %v, want it Invalid", err)
		}
	})
}
