package report

import (
	"math"
	"strconv"
	"strings"
)

// thousands are the letters of powers of 1,000, from the second: 1,000 itself is written out.
var thousands = []struct {
	unit   float64
	letter string
}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}}

// unitOf returns what numbers up to size are divided by, and the letter that says so.
func unitOf(size float64) (unit float64, letter string) {
	for _, t := range thousands {
		if size >= t.unit {
			return t.unit, " " + t.letter
		}
	}
	return 1, ""
}

// outOfWords reports whether a number of that size is written with an exponent.
func outOfWords(size float64) bool { return size >= 1e18 || size != 0 && size < 1e-4 }

// stepLabel returns v, a multiple of step on an axis up to size, with the digits that tell it from its neighbors.
func stepLabel(v, step, size float64) string {
	if outOfWords(size) {
		if math.Abs(v) < step/2 {
			return "0"
		}
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	unit, letter := unitOf(size)
	decimals := int(-math.Floor(math.Log10(step/unit) + 1e-9))
	text := grouped(v/unit, min(max(decimals, 0), 12))
	if !strings.ContainsAny(text, "123456789") {
		return "0"
	}
	return text + letter
}

// valueLabel returns v with about three digits.
func valueLabel(v float64) string {
	size := math.Abs(v)
	if outOfWords(size) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	unit, letter := unitOf(size)
	v, size = v/unit, size/unit
	decimals := 0
	if size != math.Trunc(size) && size < 100 {
		decimals = 2 - int(math.Floor(math.Log10(size)))
	}
	text := grouped(v, min(decimals, 6))
	if size != 0 && size < 0.1 {
		text = strings.TrimRight(text, "0")
	}
	return text + letter
}

// powerLabel returns v, which is 1, 2 or 5 times a power of ten, with no digit too many.
func powerLabel(v float64) string {
	if v < 1 && !outOfWords(v) {
		return strconv.FormatFloat(v, 'g', 1, 64)
	}
	return valueLabel(v)
}

// grouped returns v with that many decimals and commas between thousands.
func grouped(v float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, rest := text, ""
	if i := strings.IndexByte(text, '.'); i >= 0 {
		whole, rest = text[:i], text[i:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	text = whole + rest
	if v < 0 && strings.ContainsAny(text, "123456789") {
		text = "−" + text
	}
	return text
}
