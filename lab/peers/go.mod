module github.com/steadyframe/steadyframe/lab/peers

go 1.26.0

require (
	github.com/steadyframe/steadyframe v0.0.0
	golang.org/x/image v0.47.0
	golang.org/x/sys v0.50.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	github.com/steadyframe/steadyframe/lab v0.0.0
	golang.org/x/text v0.43.0 // indirect
	gonum.org/v1/plot v0.17.0 // indirect
)

replace github.com/steadyframe/steadyframe => ../..

replace github.com/steadyframe/steadyframe/lab => ../
