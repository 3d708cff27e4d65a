package getreset_test

import (
	"os"
	"testing"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

// TestMain has the tests look at all kinds of reports, the doubtful ones, too.
func TestMain(m *testing.M) {
	if err := poolmodel.Analyzer.Flags.Set("doubtful", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
