package ingest_test

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkJPEG is reading JPEGs of noise of 320x180 out of a stream that is in memory.
func BenchmarkJPEG(b *testing.B) {
	whole := encodeJPEG(b, 1, 320, 180)
	part := fmt.Appendf(nil, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(whole), whole)
	p := pool.New(nil)
	for _, tt := range []struct {
		form string
		r    *ingest.JPEGReader
	}{
		{"jpegs", ingest.NewJPEG(&endless{data: whole}, p, ingest.Limits{})},
		{"multipart", ingest.NewMultipart(&endless{data: part}, "frame", p, ingest.Limits{})},
	} {
		b.Run(fmt.Sprintf("form=%s/bytes=%d", tt.form, len(whole)), func(b *testing.B) {
			b.SetBytes(int64(len(whole)))
			b.ReportAllocs()
			for b.Loop() {
				j, err := tt.r.Next()
				if err != nil {
					b.Fatal(err)
				}
				j.Buf.Release()
			}
		})
	}
}
