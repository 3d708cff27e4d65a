package pool

// EveryPool is whether this program was built with -tags poolcheck.
const EveryPool = everyPool
