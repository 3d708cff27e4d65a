package main

// benchCmd is steadyframe bench.
type benchCmd struct {
	Pooling benchPoolingCmd `cmd:"" help:"Measure what pooling of frame memory is worth on this machine."`
	Turn    benchTurnCmd    `cmd:"" name:"pooling-turn" hidden:"" help:"One turn of bench pooling, which starts it."`
	Load    benchLoadCmd    `cmd:"" help:"Put a load on a server that runs, and see how long its answers take."`
}
