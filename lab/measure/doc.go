// Package measure has what benchmarks and soaks measure with, beyond internal/meter: what a process has cost (Costs:
// processor time, page faults, the collector), what the Go runtime holds (Heap), its peak (PeakRSS), the machine (Machine),
// and what several figures say together (Spread, Slope). Figures are in SI units unless their names say otherwise.
package measure
