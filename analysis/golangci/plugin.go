// Package golangci makes the passes of poolvet a module plugin of golangci-lint. In .custom-gcl.yml:
//
//	version: v2.5.0
//	plugins:
//	  - module: github.com/steadyframe/steadyframe/analysis
//	    import: github.com/steadyframe/steadyframe/analysis/golangci
//	    version: latest
//
// `golangci-lint custom` then builds a golangci-lint that knows the linter, and .golangci.yml turns it on:
//
//	linters:
//	  enable: [poolvet]
//	  settings:
//	    custom:
//	      poolvet:
//	        type: module
//	        settings:
//	          pools: example.org/arena.Arena.Alloc=Return
package golangci

import (
	"fmt"
	"strconv"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/steadyframe/steadyframe/analysis/poolvet"
)

func init() { register.Plugin("poolvet", newPlugin) }

// settings are what .golangci.yml may set.
type settings struct {
	Pools    string `json:"pools"`    // as the flag -poolvet.pools
	Doubtful bool   `json:"doubtful"` // as the flag -poolvet.doubtful
}

type plugin struct{ settings settings }

func newPlugin(conf any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[settings](conf)
	if err != nil {
		return nil, fmt.Errorf("poolvet: settings: %w", err)
	}
	return plugin{s}, nil
}

// BuildAnalyzers returns the passes, set as the configuration says.
func (p plugin) BuildAnalyzers() ([]*analysis.Analyzer, error) {
	passes := poolvet.Analyzers()
	for _, a := range passes {
		if a.Name == "poolvet" {
			if err := a.Flags.Set("pools", p.settings.Pools); err != nil {
				return nil, fmt.Errorf("poolvet: settings: pools: %w", err)
			}
			if err := a.Flags.Set("doubtful", strconv.FormatBool(p.settings.Doubtful)); err != nil {
				return nil, fmt.Errorf("poolvet: settings: doubtful: %w", err)
			}
		}
	}
	return passes, nil
}

// GetLoadMode returns what the passes need of golangci-lint: types.
func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }
