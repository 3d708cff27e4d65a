package metrics

// Process returns the bytes of memory that the process has resident, and the seconds of processor time that it has used; each
// is 0 where the system does not say. It costs some microseconds. It is read every few seconds for as long as the server runs, so it
// allocates little.
func (m *Metrics) Process() (resident uint64, cpu float64) { return m.process.read() }
