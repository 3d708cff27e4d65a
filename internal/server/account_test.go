package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestAccountUnderLoad: what the account of memory has no name for, after a collection, is less than a tenth of all memory,
// while many connections hold all kinds of buffers: requests that have begun, plain and compressed, over gRPC and HTTP, and sound of many rates.
func TestAccountUnderLoad(t *testing.T) {
	const each = 30
	t.Setenv(childCollects, "yes")
	server := startChild(t, `{"limits.memory_floor": "16MiB", "timeouts.receive": "1m", "limits.queue_depth": "1000"}`)
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1280, Height: 720}, Resize: pipeline.Resize{Width: 640, Height: 360}}
	pixels := make([]byte, 1280*720*3)
	message, err := proto.Marshal(&api.EncodeRequest{Spec: specMessage(t, spec), Frames: [][]byte{pixels}})
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(message[:15_000]); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	plain := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message[:15_000]...)
	compressed := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(zipped.Len()+100)), zipped.Bytes()...)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range each {
		conns = append(conns, beginCall(t, server.GRPC, "EncodeStream", plain), beginGzipCall(t, server.GRPC, "Encode", compressed),
			beginPost(t, server.HTTP, query(t, spec), len(pixels), pixels[:15_000]))
	}
	rates := []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} // Each has tables of its own.
	for _, rate := range rates {
		conn, err := dialRaw("tcp", server.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		if _, err := fmt.Fprintf(conn, "POST /v1/mel?preset=whisper128&format=u8&rate=%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", rate, 4*rate, make([]byte, 2*rate)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all requests have begun, and those that are not compressed hold their frames", func() bool {
		st := server.counters(t).Stats
		return st.OpenRequests >= 3*each+len(rates) && st.Pool.InUse >= 2*each*int64(len(pixels))
	})
	server.collected(t)
	checkAccount(t, http.DefaultClient, server.Admin)
	m := accountOf(t, server.Admin)
	t.Logf("%d bytes: %v", m.Total, m.Held)
	if m.Held["transports"] < each*40<<10 {
		t.Errorf("got %d bytes of transports, want the inflaters of %d calls at least", m.Held["transports"], each)
	}
	if unknown := m.Held["heap"]; unknown > m.Total/10 {
		t.Errorf("got %d bytes of the heap that have no name, want at most a tenth of %d: %v", unknown, m.Total, m.Held)
	}
}

// memoryAccount is the account in /debug/pools.
type memoryAccount struct {
	Total int64            `json:"total_bytes"`
	Held  map[string]int64 `json:"held_bytes"`
}

func accountOf(t testing.TB, admin string) memoryAccount {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/debug/pools?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var pools struct{ Memory memoryAccount }
	if err := json.Unmarshal(data, &pools); err != nil {
		t.Fatal(err)
	}
	return pools.Memory
}
