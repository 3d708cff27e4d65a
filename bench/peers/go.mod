module github.com/steadyframe/steadyframe/bench/peers

go 1.26.0

require (
	github.com/steadyframe/steadyframe v0.0.0
	golang.org/x/image v0.47.0
	golang.org/x/sys v0.49.0
)

replace github.com/steadyframe/steadyframe => ../..
