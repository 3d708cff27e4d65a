// Package toolarge tells of functions that the other passes leave out, since they have too many paths or too many variables for a
// value from a pool. It reports them with -toolarge.report alone: they are not misuse. The command poolvet sets it, and writes
// them as notes.
package toolarge

import (
	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/getreset"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/missingput"
	"github.com/steadyframe/steadyframe/analysis/poolescape"
	"github.com/steadyframe/steadyframe/analysis/putshape"
	"github.com/steadyframe/steadyframe/analysis/useafterput"
)

// Name is that of the pass.
const Name = "toolarge"

// Analyzer reports functions that were left out.
var Analyzer = newAnalyzer()

func newAnalyzer() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name: Name,
		Doc:  "report functions that are too large for the other passes, with -toolarge.report",
		URL:  "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#what-it-does-not-see",
		Requires: []*analysis.Analyzer{
			poolmodel.Analyzer, missingput.Analyzer, useafterput.Analyzer, poolescape.Analyzer, putshape.Analyzer, getreset.Analyzer,
		},
	}
	report := a.Flags.Bool("report", false, "report functions that were left out")
	a.Run = func(pass *analysis.Pass) (any, error) {
		if *report {
			poolmodel.Of(pass).ReportTooLarge(pass)
		}
		return nil, nil
	}
	return a
}
