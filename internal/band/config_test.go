package band

import (
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
)

func TestNewSamplerRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"no-format", func(c *Config) { c.In.Format = 0 }, "band: input: frame: format"},
		{"range", func(c *Config) { c.In.Range = frame.RangeLimited }, "band: input: frame: range"},
		{"no-canvas", func(c *Config) { c.Width = 0 }, "band: canvas: got 0x48"},
		{"wide-canvas", func(c *Config) { c.Width = 65536 }, "band: canvas: got 65536x48"},
		{"no-crop", func(c *Config) { c.Crop.Width = 0 }, "band: crop: got 0x48+0+0, want a part of 64x48"},
		{"crop-beside", func(c *Config) { c.Crop.X = 1 }, "band: crop: got 64x48+1+0"},
		{"crop-negative", func(c *Config) { c.Crop.Y = -1 }, "band: crop: got 64x48+0-1"},
		{"crop-overflows", func(c *Config) { c.Crop.X, c.Crop.Width = 1, int(^uint(0)>>1) }, "band: crop"},
		{"no-content", func(c *Config) { c.Content.Height = 0 }, "band: content: got 64x0+0+0, want a part of 64x48"},
		{"content-below", func(c *Config) { c.Content.Y = 2 }, "band: content: got 64x48+0+2"},
		{"content-off-grid-left", func(c *Config) { c.Content.X, c.Content.Width = 1, 63 }, "band: content: got 63x48+1+0 on 64x48, want edges on the chroma grid of 2x2"},
		{"content-off-grid-right", func(c *Config) { c.Content.Width = 63 }, "band: content: got 63x48+0+0"},
		{"content-off-grid-top", func(c *Config) { c.Content.Y, c.Content.Height = 1, 47 }, "band: content: got 64x47+0+1"},
		{"content-off-grid-bottom", func(c *Config) { c.Content.Height = 47 }, "band: content: got 64x47+0+0"},
		{"filter", func(c *Config) { c.Filter = 4 }, "band: filter: got 4, want <= 3"},
		{"box-resized", func(c *Config) { c.Filter, c.Crop.Width = Box, 32 }, "band: filter: got box from 32x48+0+0 to 64x48+0+0, want one size"},
		{"chroma-of-bgr", func(c *Config) { c.Chroma = Chroma{X: 1, Y: 1} }, "band: chroma: got {X:1 Y:1 PhaseX:0 PhaseY:0} of bgr24"},
		{"chroma-step", func(c *Config) { c.In.Format, c.Chroma = frame.I420, Chroma{X: 3, Y: 1} }, "band: chroma: got {X:3"},
		{"chroma-phase", func(c *Config) { c.In.Format, c.Chroma = frame.I420, Chroma{X: 2, Y: 1, PhaseX: 2} }, "band: chroma: got {X:2"},
		{"space", func(c *Config) { c.Space = 3 }, "band: space: got 3, want <= 2"},
		{"no-subsampling", func(c *Config) { c.ChromaX = 0 }, "band: chroma subsampling: got 0x2"},
		{"much-subsampling", func(c *Config) { c.ChromaY = 4 }, "band: chroma subsampling: got 2x4"},
		{"lines", func(c *Config) { c.Lines = 24 }, "band: lines: got 24"},
		{"lines-too-few", func(c *Config) { c.Lines = 8 }, "band: lines: got 8, want 16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 64, Height: 48}, 64, 48)
			if _, err := NewSampler(c); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			tt.change(&c)
			if _, err := NewSampler(c); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s...", err, tt.want)
			}
		})
	}
}

// TestContentOnTheCanvasEdge: there the chroma grid does not matter.
func TestContentOnTheCanvasEdge(t *testing.T) {
	c := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 64, Height: 48}, 63, 47)
	mustSampler(t, c)
	c.Content = Rect{2, 4, 61, 43}
	mustSampler(t, c)
}

func TestFillPanics(t *testing.T) {
	c := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 64, Height: 48}, 32, 32)
	s, other := mustSampler(t, c), mustSampler(t, c)
	f := smoothFrame(t, c.In)
	narrow := smoothFrame(t, frame.Desc{Format: frame.BGR24, Width: 63, Height: 48})
	tests := []struct {
		name string
		call func(sc *Scratch)
		want string
	}{
		{"frame", func(sc *Scratch) { s.Fill(sc, &narrow, 0) }, "band: frame differs from Config.In"},
		{"band-below", func(sc *Scratch) { s.Fill(sc, &f, 2) }, "band: no such band"},
		{"band-negative", func(sc *Scratch) { s.Fill(sc, &f, -1) }, "band: no such band"},
		{"fill-scratch", func(sc *Scratch) { other.Fill(sc, &f, 0) }, "band: scratch of another Sampler"},
		{"begin-scratch", func(sc *Scratch) { other.Begin(sc) }, "band: scratch of another Sampler"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("got panic %v, want %q", got, tt.want)
				}
			}()
			tt.call(s.NewScratch())
		})
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		name   string
		desc   frame.Desc
		filter Filter
		space  Space
		w, h   int
		want   []string
	}{
		{"packed", frame.Desc{Format: frame.BGR24}, Bilinear, YCC, 32, 32, []string{
			"pixels across: bilinear 64 to 32 (resample generic), ycc with chroma halved (color generic)",
			"pixels down: bilinear to 32 lines, chroma halved, rows at hand: 4 (blend generic)",
		}},
		{"no-resize", frame.Desc{Format: frame.RGBA}, Area, YCC, 64, 48, []string{
			"pixels across: ycc with chroma halved (color generic)",
			"pixels down: 48 lines copied, chroma halved, with the step before (color generic)",
		}},
		{"planar", frame.Desc{Format: frame.I420, Color: frame.BT709}, Area, YCC, 32, 48, []string{
			"luma across: area 64 to 32 (resample generic), limited range to full (color generic)",
			"luma down: 48 lines copied, rows at hand: 1 (blend generic)",
			"chroma across: area 32 to 16 (resample generic), limited range to full (color generic)",
			"chroma down: 24 lines copied, rows at hand: 1 (blend generic)",
			"colors: bt709 to bt601 (color generic)",
		}},
		{"tensor", frame.Desc{Format: frame.RGBF32P}, Nearest, RGB, 64, 24, []string{
			"pixels across: floats to int16 (tensor generic)",
			"pixels down: 24 lines copied, rows at hand: 1 (blend generic)",
		}},
		{"gray", frame.Desc{Format: frame.Gray8}, Bilinear, Luma, 64, 48, []string{
			"luma across: 64 samples copied (resample generic)",
			"luma down: 48 lines copied, rows at hand: 1 (blend generic)",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.desc.Width, tt.desc.Height = 64, 48
			c := wholeConfig(tt.desc, tt.w, tt.h)
			c.Filter, c.Space = tt.filter, tt.space
			c.Limit = impl.Generic
			s, err := NewSampler(c)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := s.Explain(), strings.Join(tt.want, "\n")+"\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
