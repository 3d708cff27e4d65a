// Package server is the Steadyframe server: it takes raw frames over gRPC and HTTP and gives images back. It wires
// what the packages below it do: config (settings), engine (memory, workers, queue), rpc and httpapi (the APIs), conn
// (what lies below them), admin (health and metrics).
package server

import "github.com/steadyframe/steadyframe/internal/server/config"

// Config is every setting of a server.
type Config = config.Config

// LoadOptions is where settings come from.
type LoadOptions = config.LoadOptions

// Duration is a time in a Config.
type Duration = config.Duration

// Default returns the settings of a server that is told nothing.
func Default() Config { return config.Default() }

// LoadConfig returns the settings from o: defaults, a file, the environment and flags, each over the ones before.
func LoadConfig(o LoadOptions) (Config, error) { return config.Load(o) }
