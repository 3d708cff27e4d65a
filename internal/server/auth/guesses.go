package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// wrongAtOnce is how many wrong tokens of an address are compared one right after the other.
	wrongAtOnce = 20
	// wrongEvery is how often one more is compared, and knownEvery where right ones came from the address too: clients behind one
	// address do not keep each other out, at 1.7 million guesses a day, which is nothing to a random token.
	wrongEvery, knownEvery = time.Second, time.Second / 20
	// knownFor is how long a right token is remembered.
	knownFor = time.Hour
	// mostGuessers bounds the addresses that are remembered.
	mostGuessers = 4096
)

// guesses bounds how fast tokens can be guessed from one address. Its methods may be called from any goroutine.
type guesses struct {
	mu    sync.Mutex
	peers map[netip.Addr]*guesser
}

// guesser is an address from which tokens came.
type guesser struct {
	spent time.Time // the bucket is full when this has passed
	known time.Time // a right token came before this
}

// guesserOf returns the address that guesses are counted by: that of a peer, or, of version 6, its network of 64 bits, which is what
// one customer has at least. There is none, and no bound, for this machine: a proxy on it speaks for all its clients, and
// bounds them itself.
func guesserOf(peer string) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(peer)
	if err != nil { // a Unix socket
		return netip.Addr{}, false
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.IsLoopback() {
		return addr, false
	}
	if addr.Is6() {
		network, err := addr.Prefix(64)
		return network.Addr(), err == nil
	}
	return addr, true
}

// wait returns how long no token from a peer is to be compared; 0: none is held back.
func (g *guesses) wait(peer string, now time.Time) time.Duration {
	addr, ok := guesserOf(peer)
	if !ok {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peers[addr]
	if p == nil {
		return 0
	}
	return max(p.left(now)-(wrongAtOnce-1)*p.every(now), 0)
}

// left returns how long it takes until the bucket is full.
func (p *guesser) left(now time.Time) time.Duration { return max(p.spent.Sub(now), 0) }

// every returns how often one more token of the address is compared.
func (p *guesser) every(now time.Time) time.Duration {
	if now.Before(p.known) {
		return knownEvery
	}
	return wrongEvery
}

// judged says whether a token of a peer was right.
func (g *guesses) judged(peer string, right bool, now time.Time) {
	addr, ok := guesserOf(peer)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peers[addr]
	if p == nil {
		if g.peers == nil {
			g.peers = map[netip.Addr]*guesser{}
		}
		g.makeRoom(now)
		p = &guesser{}
		g.peers[addr] = p
	}
	if !right {
		p.spent = now.Add(p.left(now) + p.every(now))
		return
	}
	if p.every(now) == wrongEvery { // What is spent stays the same part of the bucket.
		p.spent = now.Add(p.left(now) * knownEvery / wrongEvery)
	}
	p.known = now.Add(knownFor)
}

// makeRoom forgets an address if there is room for no more: of some, in the map's order, which is random, one of which there is
// nothing to remember, or else the one that may guess again soonest. g.mu is held.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.peers) < mostGuessers {
		return
	}
	var soonest netip.Addr
	looked := 0
	for addr, p := range g.peers {
		if p.left(now) == 0 && !p.known.After(now) {
			soonest = addr
			break
		}
		if looked == 0 || p.spent.Before(g.peers[soonest].spent) {
			soonest = addr
		}
		if looked++; looked == 32 {
			break
		}
	}
	delete(g.peers, soonest)
}
