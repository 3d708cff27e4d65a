package cluster

import (
	"context"
	"testing"
)

// LookUpHost replaces how names of routes are looked up, until t ends. Tests that run meanwhile share it.
func LookUpHost(t *testing.T, f func(ctx context.Context, name string) ([]string, error)) {
	before := lookUpHost
	t.Cleanup(func() { lookUpHost = before })
	lookUpHost = f
}

// Hear takes a message as the transport does.
func Hear(d *Directory, subject string, data []byte) { d.hear(subject, data) }

// The bounds of what is heard.
const (
	MostNodes  = mostNodes
	MostOfNode = mostOfNode
)
