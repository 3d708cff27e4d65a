// Package cli is what the steadyframe program does behind its flags: opening inputs, running an encode from end to end, writing images,
// pushing a demonstration load, and the figures that are printed at the end.
//
// Its errors are texts for the person at the terminal: what was wrong, what was expected, what to do. They carry no package prefix; the
// program puts its own name in front.
package cli
