package httpapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/engine"
)

// heldUnsent returns what responses hold that were not read yet.
func heldUnsent(e *engine.Engine) int64 {
	for _, u := range e.Account.Read().Leased {
		if u.Kind == engine.Unsent {
			return u.Bytes
		}
	}
	return -1
}

// TestUnreadMelIsCut: features that are not read are counted, and the response is cut when others wait for memory, as that of
// images is.
func TestUnreadMelIsCut(t *testing.T) {
	a := newTestAPI(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shed := make(chan struct{})
	go func() { defer close(shed); a.engine.Shed(ctx) }()
	defer func() { cancel(); <-shed }()

	conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const samples = 2 * 8000 // of which each millisecond has a window of 64 frames: 40 MB, which no socket holds
	if _, err := fmt.Fprintf(conn, "POST /v1/mel?preset=wav2lip&format=u8&rate=8000&fps=1000&window=64&output=f32 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s",
		samples, strings.Repeat("\x80\x90", samples/2)); err != nil {
		t.Fatal(err)
	}
	held, stats := heldUnsent(a.engine), a.engine.Pool.Stats()
	for alone := func() bool { return held > 0 && stats.Admitted == held && stats.InUse == held }; !alone(); held, stats = heldUnsent(a.engine), a.engine.Pool.Stats() {
		select {
		case <-ctx.Done():
			t.Fatalf("got %d bytes unsent, %d admitted and %d in use, want the features alone", held, stats.Admitted, stats.InUse)
		case <-time.After(time.Millisecond):
		}
	}
	grant, err := a.engine.Admit(ctx, stats.Budget, new(engine.Stream)) // all that there is
	if err != nil {
		t.Fatalf("another who needs the memory: %v", err)
	}
	grant.Release()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, conn)
	if n >= 4*64*80*2000 {
		t.Errorf("got %d bytes (%v), want a response that was cut", n, err)
	}
}
