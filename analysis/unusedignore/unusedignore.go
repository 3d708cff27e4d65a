// Package unusedignore finds comments that suppress reports of the other passes where there are none any more.
//
//	//poolvet:ignore the worker puts it back  // wrong when nothing is reported in this line or the next
//
// Comments in the forms of golangci-lint (//nolint:poolvet) and staticcheck (//lint:ignore missingput why) are theirs to judge.
package unusedignore

import (
	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/bypass"
	"github.com/steadyframe/steadyframe/analysis/getreset"
	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/missingput"
	"github.com/steadyframe/steadyframe/analysis/poolescape"
	"github.com/steadyframe/steadyframe/analysis/putshape"
	"github.com/steadyframe/steadyframe/analysis/useafterput"
)

// Analyzer reports poolvet:ignore comments that suppress nothing.
var Analyzer = &analysis.Analyzer{
	Name: "unusedignore",
	Doc:  "report poolvet:ignore comments that suppress no report of the other passes",
	URL:  "https://github.com/steadyframe/steadyframe/blob/main/docs/poolvet.md#suppressing-a-report",
	Requires: []*analysis.Analyzer{
		poolmodel.Analyzer, missingput.Analyzer, useafterput.Analyzer, poolescape.Analyzer, putshape.Analyzer, getreset.Analyzer,
		bypass.Analyzer,
	},
	Run: func(pass *analysis.Pass) (any, error) {
		poolmodel.Of(pass).ReportUnused(pass)
		return nil, nil
	},
}
