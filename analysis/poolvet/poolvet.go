// Package poolvet is the list of the passes that find misuse of pools. docs/poolvet.md is the manual.
package poolvet

import (
	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/bypass"
	"github.com/steadyframe/steadyframe/analysis/getreset"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/missingput"
	"github.com/steadyframe/steadyframe/analysis/poolescape"
	"github.com/steadyframe/steadyframe/analysis/putshape"
	"github.com/steadyframe/steadyframe/analysis/toolarge"
	"github.com/steadyframe/steadyframe/analysis/unusedignore"
	"github.com/steadyframe/steadyframe/analysis/useafterput"
)

// Analyzers returns the passes, the one with the flags that all share first.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		poolmodel.Analyzer,
		missingput.Analyzer,
		useafterput.Analyzer,
		poolescape.Analyzer,
		putshape.Analyzer,
		getreset.Analyzer,
		bypass.Analyzer,
		unusedignore.Analyzer,
		toolarge.Analyzer,
	}
}
