// Command poolvet finds misuse of pools: values that are not put back, used after they were, or put back wrongly.
//
//	poolvet ./...
//	poolvet -format sarif ./...
//	go vet -vettool=$(command -v poolvet) ./...
//
// docs/poolvet.md is its manual, `poolvet help` lists its passes and flags.
package main

import (
	"os"

	"github.com/steadyframe/steadyframe/analysis/internal/driver"
	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

func main() { driver.Main(os.Args[1:], poolvet.Analyzers()) }
