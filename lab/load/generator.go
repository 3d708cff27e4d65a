package load

import (
	"context"
	"sync"
)

// Generator puts loads on one server. It is for one goroutine at a time.
type Generator struct {
	options    Options // complete
	target     *target
	scraper    *scraper // nil: the server is not asked
	source     Source
	numbered   *numbered   // the source; nil when the caller has one
	identities *identities // nil: images are not verified
	warmed     bool        // all frames were sent once
	dial       func(linkOptions) (link, error)
}

// New renders the frames of the load that o says, which takes some hundredths of a second, or as long as ctx lasts. The
// error is an *OptionError, or context.Cause(ctx).
func New(ctx context.Context, o Options) (*Generator, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	g := &Generator{options: o, source: o.Source, dial: linkOptions.open}
	if g.target, err = parseTarget(&g.options); err != nil {
		return nil, err
	}
	if o.Admin != "" {
		if g.scraper, err = newScraper(o.Admin); err != nil {
			return nil, err
		}
	}
	if g.source != nil {
		return g, nil
	}
	if g.numbered, err = newNumbered(ctx, &g.options); err != nil {
		return nil, err
	}
	g.source = g.numbered
	if o.Verify {
		g.identities = newIdentities(g.numbered, &g.options)
	}
	return g, nil
}

// Run puts the load on the server until its end, or ctx's; that is no error, and what is on its way then is still waited
// for. The error says what ended the load early: a *GoneError, a *WarmError, one of Answered or of the Source. The Result
// holds what was measured up to then.
func (g *Generator) Run(ctx context.Context) (Result, error) {
	return g.run(ctx, g.options)
}

// run is Run with options that may differ in rate and length.
func (g *Generator) run(ctx context.Context, o Options) (Result, error) {
	r := &run{generator: g, options: &o, tally: newTally(&o)}
	r.sending, r.stop = context.WithCancel(ctx)
	defer r.stop()
	using, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	r.using = using
	if err := r.open(); err != nil {
		return Result{}, err
	}
	var watcher *watcher
	stopHurrying := context.AfterFunc(ctx, abandon) // before the clock starts nothing is worth waiting for
	err := r.warmUp(ctx)
	if err == nil && g.scraper != nil {
		watcher, err = g.scraper.watch(ctx)
	}
	stopHurrying()
	if err == nil {
		err = r.load()
	} else {
		abandon()
	}
	var closing sync.WaitGroup
	for _, l := range r.links {
		closing.Go(l.close)
	}
	closing.Wait()
	result := r.tally.end()
	if watcher != nil {
		result.Server = watcher.end(result.Images)
	}
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result, err
}
