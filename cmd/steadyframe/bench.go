package main

// benchCmd is steadyframe bench.
type benchCmd struct {
	Load benchLoadCmd `cmd:"" help:"Put a load on a server that runs, and see how long its answers take."`
}
