package httpapi

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestSoundIsAdmittedOnce: a sound that has begun to come is admitted for all of its length, not as it grows: sounds that hold
// memory and wait for more would keep others waiting.
func TestSoundIsAdmittedOnce(t *testing.T) {
	f := newTestAPI(t, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	const length = 20 << 20 // bytes, two for a sample of four
	if _, err := fmt.Fprintf(c, "POST /v1/mel?preset=htk&format=s16le&rate=16000 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", length, "ab"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all of it is admitted", func() bool { return f.engine.Pool.Stats().Admitted >= 2*length })
	_ = c.Close()
	eventually(t, "it is given back", func() bool { return f.engine.Pool.Stats().Admitted == 0 })
}
