package report

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzWriteSVG: any points and labels make an image that is XML, small, and has all of it inside.
func FuzzWriteSVG(f *testing.F) {
	bytes := func(values ...float64) []byte {
		var out []byte
		for _, v := range values {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
		}
		return out
	}
	f.Add(uint8(0), uint8(0), "Heap", "bytes", "pool", 0.0, bytes(0, 1, 0, 0, 1, 2, 0, 0))
	f.Add(uint8(1), uint8(1), "Latency", "ms", "none", 100.0, bytes(0.5, 20, 0, 0, 0.99, 30, 0, 0, 1, 100, 0, 0))
	f.Add(uint8(2), uint8(2), "Rates", "frames/s", "<b>", 1.0, bytes(0, 900, 880, 910, 1, 1e9, 0, math.Inf(1)))
	f.Add(uint8(2), uint8(8), "\x00", "\xff", "", -1e300, bytes(0, math.NaN(), 1, 2))
	f.Fuzz(func(t *testing.T, kind, axes uint8, title, label, name string, mark float64, data []byte) {
		if len(title)+len(label)+len(name) > 4000 || len(data) > 1<<16 {
			t.Skip()
		}
		p := &Plot{Title: title, Kind: Kind(kind % 3), Series: []Series{{Name: name, Ours: axes&16 != 0}, {Name: label}, {Name: title}}}
		p.X = Axis{Label: label, Log: axes&1 != 0, Nines: axes&2 != 0}
		p.Y = Axis{Label: name, Log: axes&4 != 0, Nines: axes&8 != 0, Mark: mark}
		if axes&32 != 0 {
			p.X.Labels = []string{title, label, name}
		}
		for i := 0; len(data) >= 32; i++ {
			var v [4]float64
			for j := range v {
				v[j] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*j:]))
			}
			s := &p.Series[i%len(p.Series)]
			s.Points = append(s.Points, Point{v[0], v[1], v[2], v[3]})
			data = data[32:]
		}
		if p.Kind == Bars {
			for i := range p.Series { // a row for each point: an image of thousands is as large as they are
				p.Series[i].Points = p.Series[i].Points[:min(len(p.Series[i].Points), 20)]
			}
		}
		check(t, p)
	})
}
