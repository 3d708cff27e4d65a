package pool

import "testing"

func TestClassOf(t *testing.T) {
	tests := []struct {
		name  string
		n     int
		class int
		size  int
	}{
		{"nothing", 0, 0, 4096},
		{"one", 1, 0, 4096},
		{"smallest", 4096, 0, 4096},
		{"above_smallest", 4097, 1, 5120},
		{"full_quarter", 5120, 1, 5120},
		{"next_quarter", 5121, 2, 6144},
		{"full_doubling", 8192, 4, 8192},
		{"next_doubling", 8193, 5, 10240},
		{"jpeg_of_50_kb", 50_000, 15, 57_344},
		{"rgba_320x320", 409_600, 27, 458_752},
		{"bgr_640x360", 691_200, 30, 786_432},
		{"i420_1080p", 3_110_400, 38, 3_145_728},
		{"bgr_1080p", 6_220_800, 42, 6_291_456},
		{"batch_of_25_bgr_640x360", 17_280_000, 49, 20_971_520},
		{"bgr_2160p", 24_883_200, 50, 25_165_824},
		{"rgba_of_50_megapixels", 200_000_000, 62, 201_326_592},
		{"largest", MaxSize, 64, 256 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := classOf(tt.n); got != tt.class || classSize(got) != tt.size {
				t.Errorf("classOf(%d): got class %d of %d bytes, want %d of %d", tt.n, got, classSize(got), tt.class, tt.size)
			}
		})
	}
}

// TestClassOfIsSmallest compares the look-up with a linear search, for every n up to 1 MiB and around every class's ends.
func TestClassOfIsSmallest(t *testing.T) {
	check := func(n int) {
		want := 0
		for classSize(want) < n {
			want++
		}
		if got := classOf(n); got != want {
			t.Fatalf("classOf(%d): got %d (%d bytes), want %d (%d bytes)", n, got, classSize(got), want, classSize(want))
		}
	}
	for n := range 1 << 20 {
		check(n)
	}
	for i := range numClasses {
		for n := classSize(i) - 2; n <= classSize(i)+2 && n <= MaxSize; n++ {
			check(n)
		}
	}
}

// TestClassWaste holds what class.go promises: above MinSize, a lease is less than 5/4 of what was asked. Between two classes
// the ratio is worst at the lower one's size plus one.
func TestClassWaste(t *testing.T) {
	if classSize(0) != MinSize || classSize(numClasses-1) != MaxSize {
		t.Fatalf("got classes from %d to %d bytes, want %d to %d", classSize(0), classSize(numClasses-1), MinSize, MaxSize)
	}
	for i := 1; i < numClasses; i++ {
		n := classSize(i-1) + 1
		if size := ClassSize(n); 4*size >= 5*n {
			t.Errorf("Get(%d) leases %d bytes: want less than 5/4 of it", n, size)
		}
		if classSize(i)%64 != 0 {
			t.Errorf("class %d has %d bytes: want a multiple of 64", i, classSize(i))
		}
	}
}

func TestClassSize(t *testing.T) {
	tests := []struct {
		name    string
		n, want int
	}{
		{"negative", -1, 0},
		{"zero", 0, MinSize},
		{"largest", MaxSize, MaxSize},
		{"above", MaxSize + 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ClassSize(tt.n); got != tt.want {
				t.Errorf("ClassSize(%d): got %d, want %d", tt.n, got, tt.want)
			}
		})
	}
}
