package config

import (
	"fmt"
	"strings"
)

// UnknownKeyError is a setting that does not exist.
type UnknownKeyError struct {
	Key     string // as it was written
	From    string // where: "FILE line 3", "environment", "flags"
	Nearest string // the most similar known one, in the same spelling; "" for none
}

func (e *UnknownKeyError) Error() string {
	msg := fmt.Sprintf("config: unknown setting %s (%s)", e.Key, e.From)
	if e.Nearest != "" {
		msg += ": did you mean " + e.Nearest + "?"
	}
	return msg
}

// ValueError is a setting whose value is wrong.
type ValueError struct {
	Key    string
	From   string // where it was set; "" when found by Validate
	Reason string // "got X, want Y"
}

func (e *ValueError) Error() string {
	if e.From == "" {
		return fmt.Sprintf("config: %s: %s", e.Key, e.Reason)
	}
	return fmt.Sprintf("config: %s (%s): %s", e.Key, e.From, e.Reason)
}

// nearest returns the key of fs that is most similar to key, or "" when none is similar.
func nearest(key string, fs []field) string {
	best, bestCost := "", len(key)/2+1
	for _, f := range fs {
		if cost := likeness(key, f.key); cost < bestCost {
			best, bestCost = f.key, cost
		}
	}
	return best
}

// likeness is the number of edits from key to known, or 1 when only the part before the last dot differs.
func likeness(key, known string) int {
	d := distance(key, known)
	if last := known[strings.LastIndexByte(known, '.')+1:]; key == last {
		return min(d, 1)
	}
	return d
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
