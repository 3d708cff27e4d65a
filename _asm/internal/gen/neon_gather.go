package gen

import "fmt"

// Windows loads V0 to V3 with the bytes that a table, as resample's Gather makes it, has the offsets of: four windows of 16
// bytes, or eight of 8, of a row. It moves on the table, and overwrites R7 and R8.
func (n *NEON) Windows(row, table string, size int) {
	for v := range 4 {
		if size == 8 {
			n.Do(fmt.Sprintf("LDPW.P 8(%s), (R7, R8)", table))
			n.Do(fmt.Sprintf("FMOVD (%s)(R7), F%d", row, v))
			n.Do(fmt.Sprintf("ADD %s, R8; VLD1 (R8), V%d.D[1]", row, v))
			continue
		}
		if v%2 == 0 {
			n.Do(fmt.Sprintf("LDPW.P 8(%s), (R7, R8)", table))
		}
		n.Do(fmt.Sprintf("ADD %s, R%d; VLD1 (R%[2]d), [V%d.B16]", row, 7+v%2, v))
	}
}

// Interpolate sets pinned vectors, one for each channel, to 8 samples: of bytes of V0 to V3 that the table picks, the first
// neighbors of all samples and then the second, with the weights behind them. It moves on the table.
func (n *NEON) Interpolate(samples []V, table string) {
	bytes := make([]V, len(samples))
	for c := range bytes {
		bytes[c] = n.Op("VTBL V%d.B16, [V0.B16, V1.B16, V2.B16, V3.B16], V%d.B16", n.Load(table))
	}
	weights := n.Load(table)
	for c, v := range samples {
		n.SetCode(v, 0x2E20C000, "UMULL V%[3]d.8H, V%[1]d.8B, V%[2]d.8B", bytes[c], weights)
		n.SetCode(v, 0x6E208000, "UMLAL2 V%[3]d.8H, V%[1]d.16B, V%[2]d.16B", bytes[c], weights)
	}
}
