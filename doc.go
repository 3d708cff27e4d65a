// Package steadyframe is the root of the module: a real-time frame server and the libraries it is made of. It holds no
// code, only the tests that keep the house rules.
//
// Start at package pipeline to turn frames into images inside a Go program, at package client to have a server do it, and
// at package pool for the memory below both. ARCHITECTURE.md tells how they fit together.
package steadyframe
