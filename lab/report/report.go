// Package report writes pages of measurements: one HTML file with tables and plots, which needs no network and follows the
// reader's choice of light or dark, and an SVG file for each plot.
package report

import (
	"github.com/steadyframe/steadyframe/lab/measure"
)

// Page is a report.
type Page struct {
	Title    string
	Intro    []string // paragraphs: what was measured, and what came out
	Machine  measure.Machine
	Settings []Setting // what the command was told
	Sections []Section
}

// Setting is a line of a Page's settings.
type Setting struct{ Name, Value string }

// Section is a part of a Page under a heading.
type Section struct {
	Title string
	Text  []string // paragraphs
	Table *Table   // may be nil
	Plots []Plot
}

// Table is rows of text under a head. Columns but the first are numbers, aligned to the right.
type Table struct {
	Head []string
	Rows [][]string
	Mark int // the row to point out, counted from 1; 0: none
}

// Plot is an image of some series.
type Plot struct {
	Name   string // of its SVG file, without the suffix: letters, digits and hyphens
	Title  string
	X, Y   Axis
	Kind   Kind
	Series []Series
}

// Kind is how a Plot shows its series.
type Kind uint8

// The kinds.
const (
	Lines Kind = iota // points joined by lines
	Steps             // points joined by steps, for what is constant in between
	Bars              // one bar for each point of each series, grouped by Labels, with its spread: lying, so that names have room
)

// Axis is one axis of a Plot.
type Axis struct {
	Label  string   // with its unit
	Log    bool     // logarithmic; values of 0 and below are left out
	Nines  bool     // an axis of fractions 0..1 that has room for 0.9, 0.99, 0.999: for quantiles
	Labels []string // of Bars: the groups, on X
	Mark   float64  // a value to draw a line at, such as a bound, or 1 among ratios; 0: none
}

// Series is points of one thing, under a name.
type Series struct {
	Name   string
	Ours   bool // drawn in the accent color
	Points []Point
}

// Point is a point of a Series. For Bars X is the number of the group, from 0, and Low to High the spread; equal or zero:
// none. Points that an axis has no place for, such as NaN, are left out.
type Point struct{ X, Y, Low, High float64 }
