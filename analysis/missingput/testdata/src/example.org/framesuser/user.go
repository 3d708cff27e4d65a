// Package framesuser uses another package's pool by its interface.
package framesuser

import "example.org/frames"

func sum(p frames.Pool, fill func([]byte) error) (int, error) {
	f := p.Get() // want `f from p.Get is not put back when the function returns at line 9 \(err != nil\)`
	if err := fill(nil); err != nil {
		return 0, err
	}
	n := 0
	for _, b := range f.Payload {
		n += int(b)
	}
	p.Release(f)
	return n, nil
}

func sumRight(p frames.Pool) int {
	f := p.Get()
	defer p.Release(f)
	return int(f.Payload[0])
}
