package mel

// sound is the samples that have arrived.
type sound struct {
	f32   []float32
	pcm   []byte // 16-bit little-endian, where f32 is nil
	base  int    // index of the first sample that is held
	end   int    // number of samples that have arrived
	total int    // samples of the Spec's rate: see Mel.total
	key   uint64 // no two sounds have the same
	whole bool   // no more samples follow
}

// scratch is the working memory of a block.
type scratch struct {
	raw     []float32 // at the input's rate, for the resampler
	input   []float32 // the same, cleaned
	samples []float32 // at the Spec's rate, one before the block and those in it; resampled ones are kept from block to block
	plain   []float32 // conditioned, but without pre-emphasis: where that begins anew in each frame
	signal  []float32 // conditioned
	work    []float32 // of the transform
	powers  []float32
	bands   []float32
	shift   []float32 // of each lane, what is taken from samples
	one     []float32 // a single sample

	key      uint64 // of the sound that samples are of
	from, to int    // which samples have been resampled
}

// scratchPart is one of the slices of a scratch, and its length.
type scratchPart struct {
	slice *[]float32
	size  int
}

// scratchParts returns the parts of sc, and the size of all of them. Each begins at a multiple of 64 bytes.
func (m *Mel) scratchParts(sc *scratch) (parts []scratchPart, size int) {
	length := (m.lanes-1)*m.spec.Hop + m.spec.FFT
	length += 16 // a mean takes whole vectors
	var plain, input int
	if m.anew {
		plain = length
	}
	if m.resampler != nil {
		from, to := m.resampler.reach(0, length+1)
		input = to - from + 1
	}
	parts = []scratchPart{
		{&sc.work, m.plan.WorkSize()},
		{&sc.powers, m.plan.Bins() * m.lanes},
		{&sc.bands, m.spec.Bands * m.lanes},
		{&sc.signal, length},
		{&sc.samples, length + 2},
		{&sc.plain, plain},
		{&sc.input, input},
		{&sc.raw, input + 1},
		{&sc.shift, m.lanes},
		{&sc.one, 1},
	}
	for _, p := range parts {
		size += (p.size + 15) / 16 * 16
	}
	return parts, size
}

// newScratch allocates all parts as one piece of memory.
func (m *Mel) newScratch() *scratch {
	sc := &scratch{}
	parts, size := m.scratchParts(sc)
	all := make([]float32, size)
	for _, p := range parts {
		*p.slice = all[:p.size:p.size]
		all = all[(p.size+15)/16*16:]
	}
	return sc
}

// block computes the features of count frames, 1..lanes, from frame first on.
func (m *Mel) block(sc *scratch, dst []float32, s *sound, first, count int) {
	at, n := first*m.spec.Hop-m.lead, (count-1)*m.spec.Hop+m.spec.FFT
	if m.anew {
		m.signal(sc, s, sc.plain, at, n, conditioning{1, 0})
		m.k.Condition(sc.signal[1:], sc.plain, m.conditioning.gain, m.conditioning.emphasis)
	} else {
		m.signal(sc, s, sc.signal, at, n, m.conditioning)
	}
	m.means(sc)
	m.plan.Frames(sc.work, sc.signal, m.spec.Hop, m.window, sc.shift)
	if m.anew {
		m.begin(sc)
	}
	m.plan.Transform(sc.work)
	if m.spec.Spectrum == Magnitude {
		m.plan.Magnitude(sc.powers, sc.work)
	} else {
		m.plan.Power(sc.powers, sc.work)
	}
	m.k.Bands(sc.bands, sc.powers, m.bank)
	if m.spec.Log.Base != LogNone {
		m.k.Log(sc.bands, &m.log)
	}
	m.k.Transpose(dst, sc.bands, count)
}

// conditioning is what is done to samples before they go into frames.
type conditioning struct{ gain, emphasis float32 }

// signal sets out to n conditioned samples from position at on, and all behind them to 0.
func (m *Mel) signal(sc *scratch, s *sound, out []float32, at, n int, c conditioning) {
	from, to := max(at, 0), min(at+n, s.total)
	inside := out[from-at : to-at]
	m.k.Condition(inside, m.samples(sc, s, from-1, to), c.gain, c.emphasis)
	left, right := out[:from-at], out[to-at:]
	clear(left)
	clear(right)
	if m.spec.Frames == Inside || m.spec.Padding != Reflect {
		return
	}
	for i := range left {
		left[i] = m.reflected(sc, s, inside, from, at+i, c)
	}
	if s.whole { // else no frame of the block needs them
		for i := range n - (to - at) {
			right[i] = m.reflected(sc, s, inside, from, to+i, c)
		}
	}
}

// reflected returns the conditioned sample for a position beyond the ends of the sound. It takes it from inside, which begins
// at position from, or computes it again. Where the sound is shorter than the padding, reflections are reflected again.
func (m *Mel) reflected(sc *scratch, s *sound, inside []float32, from, at int, c conditioning) float32 {
	if s.total == 1 {
		at = 0
	} else {
		period := 2 * (s.total - 1)
		at = (at%period + period) % period
		at = min(at, period-at)
	}
	if i := at - from; i >= 0 && i < len(inside) {
		return inside[i]
	}
	m.k.Condition(sc.one, m.samples(sc, s, at-1, at+1), c.gain, c.emphasis)
	return sc.one[0]
}

// samples returns the samples from..to-1 of the Spec's rate. from is -1 or more; sample -1 is 0.
func (m *Mel) samples(sc *scratch, s *sound, from, to int) []float32 {
	if m.resampler == nil {
		return m.inputs(s, sc.samples, from, to)
	}
	return m.resampled(sc, s, from, to)
}

// resampled returns resampled samples. It keeps those of the block before, if that was made in the same scratch.
func (m *Mel) resampled(sc *scratch, s *sound, from, to int) []float32 {
	start := max(from, 0)
	made := sc.samples[1:] // samples sc.from..sc.to-1
	if sc.key != s.key || start < sc.from || start > sc.to {
		sc.key, sc.from, sc.to = s.key, start, start
	}
	copy(made, made[start-sc.from:sc.to-sc.from])
	sc.from = start
	if sc.to < to {
		m.resample(sc, s, made[sc.to-start:to-start], sc.to)
		sc.to = to
	}
	if from < 0 {
		sc.samples[0] = 0
		return sc.samples[:1+to]
	}
	return made[:to-from]
}

func (m *Mel) resample(sc *scratch, s *sound, dst []float32, from int) {
	first, end := m.resampler.reach(from, from+len(dst))
	in := sc.input[:end-first+1]
	low, high := max(first, 0), min(end, s.end)
	clear(in)
	if low < high {
		// Condition wants one sample before those that it makes.
		m.k.Condition(in[low-first:high-first], m.inputs(s, sc.raw, low-1, high), 1, 0)
	}
	m.resampler.resample(&m.k, dst, in[:end-first], from)
}

// inputs returns samples from..to-1 of the input, without a copy where possible, else in buf. Beyond the ends they are 0.
func (m *Mel) inputs(s *sound, buf []float32, from, to int) []float32 {
	if s.f32 != nil && from >= s.base && to <= s.end {
		return s.f32[from-s.base : to-s.base]
	}
	out := buf[:to-from]
	low, high := max(from, s.base), min(to, s.end)
	clear(out[:low-from])
	clear(out[high-from:])
	held := out[low-from : high-from]
	if s.f32 != nil {
		copy(held, s.f32[low-s.base:])
	} else {
		m.k.PCM16(held, s.pcm[2*(low-s.base):2*(high-s.base)])
	}
	return out
}

// means sets the shift of each lane to the frame's mean, or to what pre-emphasis leaves of it.
func (m *Mel) means(sc *scratch) {
	if !m.spec.RemoveDC {
		return // shifts are 0
	}
	signal, factor := sc.signal, 1/float32(m.spec.Window)
	if m.anew {
		signal, factor = sc.plain, m.conditioning.gain*(1-m.conditioning.emphasis)/float32(m.spec.Window)
	}
	for l := range sc.shift {
		frame := signal[l*m.spec.Hop+m.begins:]
		sc.shift[l] = m.k.Dot(m.ones, frame[:len(m.ones)]) * factor
	}
}

// begin sets the first sample of each frame anew: it is its own predecessor.
func (m *Mel) begin(sc *scratch) {
	keep := m.conditioning.gain * (1 - m.conditioning.emphasis)
	for l, shift := range sc.shift {
		first := sc.plain[l*m.spec.Hop+m.begins]
		sc.work[m.plan.At(m.begins, l)] = (float32(first*keep) - shift) * m.window[m.begins]
	}
}
