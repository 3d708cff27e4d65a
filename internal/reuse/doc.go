// Package reuse keeps memory from one use to the next: objects in a FreeList, and buffers of a pool that a Writer fills
// without knowing how much there will be.
package reuse
