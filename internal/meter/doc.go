// Package meter measures the process that it runs in: its resources (Meter), latencies (Latency), and how a figure
// changes over time (Trend).
package meter
