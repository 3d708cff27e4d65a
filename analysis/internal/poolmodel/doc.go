// Package poolmodel says what is a pool and what a call does to a pooled value: it takes one out, puts it back, keeps it, or
// only borrows it. All passes of poolvet build on its [Analyzer], whose result is a [Model] of one package.
//
// Pools are known by a table of functions (apis), which a flag extends. Functions that wrap them are followed: each gets a
// summary ([Param], [Result]) computed over its body, and the summaries of exported functions go to other packages as facts.
// A package that mentions no pool and no such function has an empty Model, at the cost of a look at its identifiers.
//
// What is not known counts as harmless: a function without a summary that is given a pooled value is taken to put it
// back some day.
package poolmodel
