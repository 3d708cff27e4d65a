// Package meter measures a process and what it does: what it has used (Meter), and what that cost (Costs: processor time,
// page faults, the collector), what the Go runtime holds (Heap), how long things took (Latency), how memory goes on
// (Trend), and where that was (Machine). Figures are in SI units unless their names say otherwise.
package meter
