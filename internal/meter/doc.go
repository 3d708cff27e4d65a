// Package meter measures the process that it runs in: what it has used (Meter), how long things took (Latency), and how a
// figure changes over time (Trend).
package meter
