// Package server is the Steadyframe server: raw frames in over gRPC and HTTP, images out. It wires the packages below
// it: config (settings), engine (memory, workers, queue), live (live streams), grpcapi and httpapi (the APIs), conn
// (listeners and connections), admin (health and metrics).
package server

import "github.com/steadyframe/steadyframe/internal/server/config"

// Config is every setting of a server.
type Config = config.Config

// LoadOptions is where settings come from.
type LoadOptions = config.LoadOptions

// Duration is a time in a Config.
type Duration = config.Duration

// Default returns the default settings.
func Default() Config { return config.Default() }

// LoadConfig returns the settings from o: defaults, a file, the environment and flags, each over the ones before.
func LoadConfig(o LoadOptions) (Config, error) { return config.Load(o) }
