// Package frame describes how the samples of an image lie in memory, and who owns that memory. It converts nothing.
//
// A [Desc] is the geometry: pixel format, size, value range, color space. It is comparable, it is plain data (JSON and
// YAML both ways), and it is checked in one place, [Desc.Validate]. A [Frame] is a Desc with its planes.
//
// Tensors are frames, as models have them, by their dtype and the shape of one of them; floats also have a [ValueRange], 0..1
// unless it says 0..255 or -1..1:
//
//	uint8    (H, W, 3)   RGB24    BGR24
//	uint8    (H, W, 4)   RGBA     BGRA      the fourth is ignored
//	uint8    (3, H, W)   RGB24P   BGR24P
//	uint8    (H, W)      Gray8
//	float32  (H, W, 3)   RGBF32   BGRF32
//	float32  (3, H, W)   RGBF32P  BGRF32P
//	float16  (H, W, 3)   RGBF16   BGRF16
//	float16  (3, H, W)   RGBF16P  BGRF16P
//
// A batch of shape (N, ...) is N frames that lie one after the other: [AppendBatch].
//
// Three words say who owns memory, here and in all packages of Steadyframe:
//
//   - takes: the callee owns the memory from then on and releases it; the caller must not touch it again.
//   - borrows: the callee uses the memory until it returns (or, for a value that it returns, as long as that value is used);
//     the caller keeps it alive and unchanged meanwhile, and still owns it.
//   - retains: the callee keeps a reference of its own beside the caller's; both release.
//
// [Wrap] and [WrapBytes] borrow memory from anywhere; [New] and [FromBuf] make frames that own a buffer of a pool,
// which [Frame.Release] gives back.
package frame
