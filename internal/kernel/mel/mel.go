// Package mel has the kernels for features of sound, apart from the transform (package fft): conditioning of samples, filter
// banks, logarithms, and the sums of products of a resampler.
//
// Vectors of lanes are laid out as in package fft: element*lanes + lane.
package mel

import (
	"math"

	"github.com/steadyframe/steadyframe/internal/impl"
)

// Kernels is one implementation. What is nil is done in plain Go. Counts are those of whole vectors of step elements; the
// rest is plain Go's.
type Kernels struct {
	step      int                                               // elements of a vector, for what works along memory
	lanes     int                                               // of bands; they are the same as in package fft
	condition func(dst, src *float32, vectors, scale, coef int) // scale and coef are the bits of a float32
	pcm16     func(dst *float32, src *byte, vectors int)
	bands     func(dst, spectrum *float32, spans *span, weights *float32, bands int)
	log       func(dst *float32, l *Log, vectors int)
	dot       func(a, b *float32, sixteens int) float32
	transpose func(dst, src *float32, bands, lanes, eights int) // of 8 frames
}

// Implementations holds every implementation that this processor can run.
var Implementations impl.Registry[Kernels]

func init() {
	Implementations.Register(impl.Generic, Kernels{step: 1, lanes: group})
}

// group is how many lanes a plain form works on at a time.
const group = 8

// Limit is the largest sample, in magnitude. What lies beyond counts as Limit, so that all results are finite: with
// 4096 samples, a gain of 1<<16 and pre-emphasis, a power is at most 1<<102.
const Limit = 1 << 20

// Least is the smallest sample, in magnitude, that counts: 240 dB below full scale. What is smaller counts as 0, so that no
// product on the way is denormal: processors take up to 60 times as long for those.
const Least = 0x1p-40

// Condition sets dst[i] to s(i+1) - coef*s(i), with s(i) = scale*src[i]. src has one sample more than dst. A NaN counts as
// 0, as does what is below Least, and what is beyond Limit as Limit.
func (k *Kernels) Condition(dst, src []float32, scale, coef float32) {
	src = src[:len(dst)+1]
	done := 0
	if vectors := len(dst) / k.step; k.condition != nil && vectors > 0 {
		k.condition(&dst[0], &src[0], vectors, int(math.Float32bits(scale)), int(math.Float32bits(coef)))
		done = vectors * k.step
	}
	condition(dst[done:], src[done:], scale, coef)
}

func condition(dst, src []float32, scale, coef float32) {
	// The conversions keep the compiler from fusing products and sums (Go specification, Floating-point operators).
	previous := float32(Clean(src[0]) * scale)
	for i := range dst {
		s := float32(Clean(src[i+1]) * scale)
		dst[i] = s - float32(coef*previous)
		previous = s
	}
}

// Clean returns x, 0 for NaN and for what is below Least, and Limit or -Limit for what is beyond.
func Clean(x float32) float32 {
	switch {
	case x > Limit:
		return Limit
	case x < -Limit:
		return -Limit
	case !(x >= Least || x <= -Least): // NaN, too
		return 0
	}
	return x
}

// PCM16 sets dst to the samples of src, two bytes each, little-endian and signed, as fractions of 1<<15.
func (k *Kernels) PCM16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	done := 0
	if vectors := len(dst) / k.step; k.pcm16 != nil && vectors > 0 {
		k.pcm16(&dst[0], &src[0], vectors)
		done = vectors * k.step
	}
	for i := done; i < len(dst); i++ {
		dst[i] = float32(int16(uint16(src[2*i])|uint16(src[2*i+1])<<8)) / (1 << 15)
	}
}

// Bank is a filter bank: a sparse matrix whose rows, the bands, have weights for neighboring bins.
type Bank struct {
	spans   []span
	weights []float32
	bins    int
}

// span is where the weights of a band are.
type span struct {
	bytes int64 // before the vector of the first bin
	count int64 // of bins
}

// NewBank returns the bank of rows, one for each band, with a weight for each bin. Zeros at the ends of a row cost nothing.
func NewBank(rows [][]float32, lanes int) *Bank {
	b := &Bank{}
	for _, row := range rows {
		b.bins = len(row)
		first, end := 0, len(row)
		for first < end && row[first] == 0 {
			first++
		}
		for end > first && row[end-1] == 0 {
			end--
		}
		b.spans = append(b.spans, span{int64(first * lanes * 4), int64(end - first)})
		b.weights = append(b.weights, row[first:end]...)
	}
	b.weights = append(b.weights, 0) // so that there is a first one
	return b
}

// Bands returns how many bands there are.
func (b *Bank) Bands() int { return len(b.spans) }

// Taps returns how many weights there are.
func (b *Bank) Taps() int { return len(b.weights) - 1 }

// Bands sets each band of dst to the sum of its weights times the bins of spectrum, added up from the lowest bin on.
func (k *Kernels) Bands(dst, spectrum []float32, b *Bank) {
	dst, spectrum = dst[:len(b.spans)*k.lanes], spectrum[:b.bins*k.lanes]
	if k.bands != nil {
		k.bands(&dst[0], &spectrum[0], &b.spans[0], &b.weights[0], len(b.spans))
		return
	}
	bands(dst, spectrum, b, k.lanes)
}

func bands(dst, spectrum []float32, b *Bank, lanes int) {
	weights := b.weights
	for i, s := range b.spans {
		for l := 0; l < lanes; l += group {
			var sum [group]float32
			at := int(s.bytes)/4 + l
			for j := range int(s.count) {
				w := weights[j]
				for l, x := range (*[group]float32)(spectrum[at:]) {
					sum[l] += float32(w * x)
				}
				at += lanes
			}
			*(*[group]float32)(dst[i*lanes+l:]) = sum
		}
		weights = weights[s.count:]
	}
}

// Log is a logarithm in any base, scaled and clamped: of x, min(max(Scale*log2(max(x, Floor)) + Offset, Min), Max). Floor is
// at least the smallest normal number, 0x1p-126. The base-2 logarithm of the fraction, which is between the roots of 1/2 and 2,
// has an error of at most 6.4e-8. Adding the exponent rounds once more.
type Log struct {
	Floor, Scale, Offset, Min, Max float32
}

// The polynomial of log2(1+f)/f for f between sqrt(1/2)-1 and sqrt(2)-1: testdata/log2.py.
const (
	log0 = 1.4426950216293335
	log1 = -0.7213473320007324
	log2 = 0.48091059923171997
	log3 = -0.36070483922958374
	log4 = 0.2879183292388916
	log5 = -0.23892034590244293
	log6 = 0.21566985547542572
	log7 = -0.20742103457450867
	log8 = 0.12614846229553223

	rootHalf = 0x3f3504f3 // the bits of sqrt(1/2)
)

// Log replaces the elements of dst by their logarithms.
func (k *Kernels) Log(dst []float32, l *Log) {
	done := 0
	if vectors := len(dst) / k.step; k.log != nil && vectors > 0 {
		k.log(&dst[0], l, vectors)
		done = vectors * k.step
	}
	for i, x := range dst[done:] {
		dst[done+i] = logarithm(x, l)
	}
}

func logarithm(x float32, l *Log) float32 {
	if !(x > l.Floor) {
		x = l.Floor
	}
	bits := int32(math.Float32bits(x))
	exponent := (bits - rootHalf) >> 23
	f := math.Float32frombits(uint32(bits-exponent<<23)) - 1
	p := float32(log8*f) + log7
	p = float32(p*f) + log6
	p = float32(p*f) + log5
	p = float32(p*f) + log4
	p = float32(p*f) + log3
	p = float32(p*f) + log2
	p = float32(p*f) + log1
	p = float32(p*f) + log0
	y := float32(exponent) + float32(p*f)
	y = float32(y*l.Scale) + l.Offset
	if !(y > l.Min) {
		y = l.Min
	}
	if !(y < l.Max) {
		y = l.Max
	}
	return y
}

// Transpose sets dst to the bands of one frame after the other: of the first frames lanes of src.
func (k *Kernels) Transpose(dst, src []float32, frames int) {
	bands := len(src) / k.lanes
	dst = dst[:frames*bands]
	first := 0
	for ; k.transpose != nil && bands >= 8 && first+8 <= frames; first += 8 {
		k.transpose(&dst[first*bands], &src[first], bands, k.lanes, bands/8)
		for b := bands / 8 * 8; b < bands; b++ {
			for f := first; f < first+8; f++ {
				dst[f*bands+b] = src[b*k.lanes+f]
			}
		}
	}
	for f := first; f < frames; f++ {
		row := dst[f*bands:][:bands]
		for b := range row {
			row[b] = src[b*k.lanes+f]
		}
	}
}

// Dot returns the sum of a[i]*b[i]. Their length is a multiple of 16. Products are added up in 16 lanes, and the upper half
// of the lanes is then added to the lower until one is left.
func (k *Kernels) Dot(a, b []float32) float32 {
	if len(a) == 0 {
		return 0
	}
	b = b[:len(a)]
	if k.dot != nil {
		return k.dot(&a[0], &b[0], len(a)/16)
	}
	return dot(a, b)
}

func dot(a, b []float32) float32 {
	var sum [16]float32
	for len(a) >= 16 && len(b) >= 16 {
		x, y := (*[16]float32)(a), (*[16]float32)(b)
		for i := range sum {
			sum[i] += float32(x[i] * y[i])
		}
		a, b = a[16:], b[16:]
	}
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			sum[i] += sum[half+i]
		}
	}
	return sum[0]
}
