package blend

// Sums are in pairs of words for four samples: one has the sums of two of them in its halves, the other those of the
// two others. To each sample 32768 is added, so that a sum is at most 65408<<14 < 1<<30; 32768<<14 has to be subtracted
// at the end.

func accumulate(sums []uint64, row []int16, weight int16) {
	w := uint64(weight)
	rows := words(row)
	n := 4 * len(rows)
	for i, v := range rows {
		v ^= signs
		s := sums[2*i : 2*i+2]
		s[0] += (v & even) * w
		s[1] += (v >> 16 & even) * w
	}
	for i, v := range row[n:] {
		word, shift := place(n + i)
		sums[word] += uint64(int32(v)+1<<15) * w << shift
	}
}

func resolve(dst []int16, sums []uint64) {
	const round = 1 << 13 * pair
	rows := words(dst)
	n := 4 * len(rows)
	for i := range rows {
		s := sums[2*i : 2*i+2]
		rows[i] = ((s[0]+round)>>14&even | (s[1]+round)<<2&^even) ^ signs
		s[0], s[1] = 0, 0
	}
	rest := dst[n:]
	for i := range rest {
		word, shift := place(n + i)
		rest[i] = int16(int32(uint32(sums[word]>>shift)+1<<13)>>14 - 1<<15)
	}
	clear(sums[n/2:])
}

// place returns where the sum of a sample is that is in none of the whole words.
func place(i int) (word, shift int) { return i/4*2 + i%2, i % 4 / 2 * 32 }
