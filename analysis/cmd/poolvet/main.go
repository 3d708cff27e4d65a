// Command poolvet finds misuse of pools: values that are not put back, used after they were, or put back wrongly.
//
//	poolvet ./...
//	go vet -vettool=$(command -v poolvet) ./...
//
// docs/poolvet.md is its manual, `poolvet help` lists its passes and flags.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

func main() { multichecker.Main(poolvet.Analyzers()...) }
