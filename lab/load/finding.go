package load

// findingKind is a way in which a server gave another response than it should.
type findingKind uint8

const (
	noFinding    findingKind = iota
	wrongPicture             // it is that of another frame
	unreadable               // it is no JPEG of the right size that carries a number
	differs                  // it is that of the frame, and not the bytes that came for the same frame before
	missing                  // a response has fewer images than its batch had frames
	surplus                  // it has more
	outOfOrder               // a response came before that of a batch that was sent earlier over the same stream
	unasked                  // a response is to no batch that waits for one
	findingKinds = iota
)

var findingNames = [findingKinds]string{
	"", "wrong image", "unreadable", "differs", "missing", "surplus", "out of order", "unasked",
}

// String returns the kind as it is printed.
func (k findingKind) String() string { return findingNames[k] }

// Finding is answers that were not what they should be.
type Finding struct {
	Kind    string `json:"kind"`    // wrong image, unreadable, differs, missing, surplus, out of order, unasked
	Count   int    `json:"count"`   // pictures; for those out of order and unasked, answers
	Example string `json:"example"` // the first: "batch 17, image 3: got that of frame 12, want that of frame 11"
}
