package oracle

import (
	"math"
	"math/rand/v2"
	"testing"
)

// near fails t unless got is want but for the rounding of float64.
func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

func TestAcross(t *testing.T) {
	tests := []struct {
		name   string
		row    []float64
		axis   Axis
		filter Filter
		want   []float64
	}{
		{"same", []float64{1, 2, 3}, Whole(3, 3), Bilinear, []float64{1, 2, 3}},
		{"half", []float64{1, 3, 5, 9}, Whole(4, 2), Bilinear, []float64{2, 7}},
		{"double", []float64{0, 4}, Whole(2, 4), Bilinear, []float64{0, 1, 3, 4}},
		{"third", []float64{1, 2, 3, 4, 5, 6}, Whole(6, 2), Bilinear, []float64{2, 5}},
		{"third-area", []float64{1, 2, 6, 4, 5, 0}, Whole(6, 2), Area, []float64{3, 3}},
		{"two-thirds-area", []float64{3, 6, 9}, Whole(3, 2), Area, []float64{4, 8}},
		{"area-grows", []float64{0, 4}, Whole(2, 4), Area, []float64{0, 1, 3, 4}},
		{"nearest", []float64{1, 2, 3, 4, 5}, Whole(5, 2), Nearest, []float64{2, 4}},
		{"nearest-grows", []float64{1, 2}, Whole(2, 5), Nearest, []float64{1, 1, 2, 2, 2}},
		{"crop", []float64{9, 0, 4, 9}, Axis{1, 2, 4, 1, 1}, Bilinear, []float64{0, 1, 3, 4}},
		{"chroma-same", []float64{1, 2, 3}, Axis{0, 6, 6, 2, 2}, Bilinear, []float64{1, 2, 3}},
		{"chroma-to-full", []float64{0, 4}, Axis{0, 4, 4, 2, 1}, Bilinear, []float64{0, 1, 3, 4}},
		{"chroma-odd-crop", []float64{0, 4, 9}, Axis{1, 2, 2, 2, 2}, Bilinear, []float64{2}},
		{"chroma-odd-crop-area", []float64{0, 4, 8}, Axis{1, 4, 2, 2, 2}, Area, []float64{4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Across(Plane{len(tt.row), 1, tt.row}, tt.axis, tt.filter)
			if len(got.Pix) != len(tt.want) {
				t.Fatalf("got %v, want %v", got.Pix, tt.want)
			}
			for i := range tt.want {
				near(t, "sample", got.Pix[i], tt.want[i])
			}
		})
	}
}

func TestDownIsAcrossTurned(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	p := NewPlane(5, 7)
	for i := range p.Pix {
		p.Pix[i] = r.Float64()
	}
	got, want := Resize(p, Whole(5, 3), Whole(7, 9), Bilinear), Across(Down(p, Whole(7, 9), Bilinear), Whole(5, 3), Bilinear)
	for i := range want.Pix {
		near(t, "sample", got.Pix[i], want.Pix[i])
	}
}

func TestMatrix(t *testing.T) {
	for _, m := range []Matrix{BT601(), BT709()} {
		y, cb, cr := m.YCC(255, 255, 255)
		near(t, "Y of white", y, 255)
		near(t, "Cb of white", cb, 0)
		near(t, "Cr of white", cr, 0)
		_, cb, _ = m.YCC(0, 0, 255)
		near(t, "Cb of blue", cb, 127.5)
		_, _, cr = m.YCC(255, 0, 0)
		near(t, "Cr of red", cr, 127.5)
		r, g, b := m.RGB(m.YCC(10, 200, 77))
		near(t, "R", r, 10)
		near(t, "G", g, 200)
		near(t, "B", b, 77)
	}
	// ITU-T T.871, section 7.
	y, cb, cr := BT601().YCC(1, 0, 0)
	near(t, "Y of R", y, 0.299)
	near(t, "Cb of R", math.Round(cb*1e4)/1e4, -0.1687)
	near(t, "Cr of R", cr, 0.5)
}

func TestRanges(t *testing.T) {
	for in, want := range map[float64]float64{0: 0, 16: 0, 125.5: 127.5, 235: 255, 255: 255} {
		near(t, "luma", FullLuma(in), want)
	}
	for in, want := range map[float64]float64{-128: -127.5, -112: -127.5, 0: 0, 56: 63.75, 112: 127.5, 127: 127.5} {
		near(t, "chroma", FullChroma(in), want)
	}
}
