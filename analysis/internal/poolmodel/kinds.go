package poolmodel

// Kinds are the kinds of reports by the category that a diagnostic has: true for those that are made by default, false for those that are doubtful.
// docs/poolvet.md has the rule by which that is decided, and what each is known to be worth.
var Kinds = map[string]bool{
	// missingput
	"lost-on-error": true,  // a path on which something failed loses the value
	"never-put":     true,  // no path puts the value back or hands it on
	"pool-unfilled": true,  // nothing in the package puts into the pool, and nobody else can
	"early-defer":   true,  // a defer names the value before there is one
	"lost-on-path":  false, // a path without a failure loses the value
	"lost-holder":   false, // what only holds a value of the pool is lost without a failure
	"lost-on-panic": true,  // asked for by -missingput.panics

	// useafterput
	"used":           true,  // the value itself, or what plainly is memory of it, after the Put
	"used-by-call":   false, // what a call has made of it, after the Put
	"returned":       true,  // what plainly is memory of it is returned, and a defer puts it back
	"made-returned":  false, // what a call has made of it is returned, and a defer puts it back
	"twice":          true,  // a second Put on the same path
	"maybe-twice":    false, // a second Put where the first is made on some paths of a call
	"released-twice": true,  // a second call of a method that always puts back what is in a field
	"loop-twice":     true,  // each turn of a loop puts back the same pointer
	"sent-body":      true,  // the body of a request that a Transport may still read
	"close-twice":    false, // a Close that puts back each time it is called
	"stale-field":    false, // a field that is read after a call that may have put back what is in it

	// poolescape
	"kept":             true,  // the value in a map, a channel or a package's variable
	"kept-in-field":    false, // in a field
	"kept-by-function": false, // by a goroutine, a function literal or a call

	// putshape
	"boxed":       true,
	"other-type":  true,  // each Get of the package panics of it
	"cut":         true,  // without its beginning, of what the function got itself
	"cut-field":   false, // the same, of what is in a field
	"mixed-type":  false, // one of the Gets panics of it
	"other-pool":  false,
	"other-size":  false,
	"shorter":     false, // without the end that is read into
	"caller-owns": false, // the memory of who calls goes into a pool of gRPC
	"unbounded":   true,  // asked for by -putshape.bound

	// getreset
	"not-reset":      true,
	"field-left":     false,
	"field-grown":    false,
	"field-kept":     false, // a pointer that is left in what goes back
	"lent-dirty":     false, // returned by an exported function as it was left
	"more-than-read": false, // all of a slice that was read into in part

	// bypass
	"new-called": true,
	"unused":     true,

	// toolarge
	"left-out": true,
}

// IsDoubtful reports whether reports of a kind are made by -poolvet.doubtful alone. What has no kind is of a comment, and made always.
func IsDoubtful(kind string) bool {
	byDefault, known := Kinds[kind]
	return known && !byDefault
}
