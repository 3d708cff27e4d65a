// Package flow follows one value through one function: which other values are it, or share its memory, and what happens
// to them on each path from where the value comes to be.
//
// A [Track] is the static half: every SSA value that may alias the root, with how ([Class]). A [Track.Walk] is the other
// half. It visits the instructions on every path, once for each distinct [State], where a State says which of the aliases
// hold the root's value on this path: a phi takes over what its edge carries, a variable loses what is overwritten. The walk
// takes no branch that contradicts what is known of the path: the value was got, so the error that came with it is nil and
// the value is not; a condition that was true is true when it is asked again.
//
// Two things make it lean towards silence. A condition that reads memory counts as unchanged when it is read again on
// the same path, and a walk that meets more states than its bound ends as if it had seen nothing ([Track.Walk] returns
// false).
package flow
