package live

import (
	"fmt"
	"testing"
)

// BenchmarkOfflineImage is what the loss of a source costs, when its image was not made before.
func BenchmarkOfflineImage(b *testing.B) {
	for _, size := range []struct{ width, height int }{{640, 360}, {1920, 1080}} {
		b.Run(fmt.Sprintf("size=%dx%d", size.width, size.height), func(b *testing.B) {
			r := start(b, nil)
			for b.Loop() {
				if _, err := r.offline.render(offlineKey{"cam1", size.width, size.height, true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
