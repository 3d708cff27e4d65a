// Package meter measures a process and what it does: what it has used (Meter), how long things took (Latency), how
// memory goes on (Trend), and where that was (Machine). Figures are in SI units unless their names say otherwise.
package meter
