// Package ring has what both sides of the ring need: its messages, the hello, and where its socket is. docs/ring.md is the
// protocol. Nothing here waits or holds memory.
package ring

import (
	"encoding/binary"
	"math"
)

// Version is that of the protocol.
const Version = 1

// Size is the bytes of a message, without its payload.
const Size = 64

// magic is what a HELLO has at byte 16, as ASCII.
const magic = "STDYRING"

// Limits of the protocol.
const (
	MaxHello   = 16 << 10 // bytes of the payload of a HELLO
	MaxText    = 4 << 10  // bytes of the payload of an ERROR or a DONE
	MaxSlots   = 64
	MaxRegions = 16   // of an image of a scene
	FrameAlign = 64   // of frames and images in a slot
	SlotAlign  = 4096 // of slots, and of memory
)

// Kind says what a Message is.
type Kind uint16

// The kinds.
const (
	KindHello    Kind = 1 + iota // client: the first message, with JSON
	KindAccepted                 // server: the response, with the memory
	KindSubmit                   // client: frames for the server
	KindDone                     // server: the slot is the client's again
	KindImage                    // server: a live image
	KindRelease                  // client: the slot of an image is the server's again
	KindStatus                   // server: viewers and counts of a published stream
	KindPing                     // client: it is there
	KindOutput                   // server: larger memory for the images of a slot
	KindError                    // server: why it ends the connection
)

// Message is one message as it is on the wire, without its payload.
type Message [Size]byte

var le = binary.LittleEndian

// Kind returns what m is.
func (m *Message) Kind() Kind { return Kind(le.Uint16(m[0:])) }

// Code returns 0, or why something failed.
func (m *Message) Code() uint16 { return le.Uint16(m[2:]) }

// Payload returns how many bytes follow m.
func (m *Message) Payload() uint32 { return le.Uint32(m[4:]) }

// Slot returns the slot that m is about.
func (m *Message) Slot() uint32 { return le.Uint32(m[8:]) }

// Generation returns the generation of the slot.
func (m *Message) Generation() uint32 { return le.Uint32(m[12:]) }

// begin empties m and sets its first fields.
func (m *Message) begin(k Kind, slot, generation uint32) {
	*m = Message{}
	le.PutUint16(m[0:], uint16(k))
	le.PutUint32(m[8:], slot)
	le.PutUint32(m[12:], generation)
}

// SetHello makes m a HELLO with a payload of n bytes.
func (m *Message) SetHello(n int) {
	m.begin(KindHello, Version, 0)
	le.PutUint32(m[4:], uint32(n))
	copy(m[16:], magic)
}

// HelloVersion returns the version that a HELLO asks for. It returns false for anything that is no HELLO.
func (m *Message) HelloVersion() (version uint32, ok bool) {
	return m.Slot(), m.Kind() == KindHello && string(m[16:24]) == magic
}

// Layout is where in the memory slots and frames are; the content of ACCEPTED.
type Layout struct {
	Slots, Batch  int // frames that a slot has room for
	InputSlot     int // bytes from one slot to the next in the input memory
	FramePitch    int // bytes from one frame to the next in a slot
	FrameBytes    int // of a frame
	OutputSlot    int // bytes from one slot to the next in the output memory
	Width, Height int // of the images; 0 where they have no fixed size
}

// Set makes m an ACCEPTED.
func (l *Layout) Set(m *Message) {
	m.begin(KindAccepted, uint32(l.Slots), uint32(l.Batch))
	le.PutUint64(m[16:], uint64(l.InputSlot))
	le.PutUint64(m[24:], uint64(l.FramePitch))
	le.PutUint64(m[32:], uint64(l.FrameBytes))
	le.PutUint64(m[40:], uint64(l.OutputSlot))
	le.PutUint32(m[48:], uint32(l.Width))
	le.PutUint32(m[52:], uint32(l.Height))
}

// ParseLayout returns the content of an ACCEPTED. It returns false for one whose numbers cannot be.
func ParseLayout(m *Message) (l Layout, ok bool) {
	size := func(at int) int {
		n := le.Uint64(m[at:])
		if n > math.MaxInt/(2*MaxSlots) {
			ok = false
			return 0
		}
		return int(n)
	}
	ok = m.Kind() == KindAccepted
	l = Layout{
		Slots: int(m.Slot()), Batch: int(m.Generation()),
		InputSlot: size(16), FramePitch: size(24), FrameBytes: size(32), OutputSlot: size(40),
		Width: int(le.Uint32(m[48:])), Height: int(le.Uint32(m[52:])),
	}
	inside := l.InputSlot == 0 || l.Batch <= l.InputSlot && l.FrameBytes <= l.FramePitch && l.FramePitch <= l.InputSlot/max(l.Batch, 1)
	return l, ok && l.Slots >= 1 && l.Slots <= MaxSlots && l.Batch >= 1 && inside
}

// Submit is the content of a SUBMIT.
type Submit struct {
	Slot, Generation uint32
	Frames           uint32
	Bytes            uint32 // of a JPEG; 0 for frames
	CapturedUS       uint64 // since 1970; 0: now
	Tag              uint64
	Flags            uint32
	// Of a scene:
	Without uint32 // bit i: place i has no region
	Index   uint64 // of the background, with FlagIndex
}

// Flags of a Submit.
const (
	FlagMore  = 1 << iota // more follow in the same write: the server may hold the DONE until theirs
	FlagIndex             // Index is that of the image; else it is one more than that of the image before
	FlagRects             // behind the frames of the slot there are rectangles of the regions
)

// Set makes m a SUBMIT.
func (s *Submit) Set(m *Message) {
	m.begin(KindSubmit, s.Slot, s.Generation)
	le.PutUint32(m[16:], s.Frames)
	le.PutUint32(m[20:], s.Bytes)
	le.PutUint64(m[24:], s.CapturedUS)
	le.PutUint64(m[32:], s.Tag)
	le.PutUint32(m[40:], s.Flags)
	le.PutUint32(m[44:], s.Without)
	le.PutUint64(m[48:], s.Index)
}

// SetCaptured sets when the frame of a SUBMIT was captured, in microseconds since 1970.
func (m *Message) SetCaptured(us uint64) { le.PutUint64(m[24:], us) }

// ParseSubmit returns the content of a SUBMIT.
func ParseSubmit(m *Message) Submit {
	return Submit{
		Slot: m.Slot(), Generation: m.Generation(),
		Frames: le.Uint32(m[16:]), Bytes: le.Uint32(m[20:]), CapturedUS: le.Uint64(m[24:]), Tag: le.Uint64(m[32:]), Flags: le.Uint32(m[40:]),
		Without: le.Uint32(m[44:]), Index: le.Uint64(m[48:]),
	}
}

// Done is the content of a DONE.
type Done struct {
	Slot, Generation uint32 // that the slot has now
	Frames, Failed   uint32
	RunNS            uint64 // that the batch took in the server
	Tag              uint64
}

// Set makes m a DONE.
func (d *Done) Set(m *Message) {
	m.begin(KindDone, d.Slot, d.Generation)
	le.PutUint32(m[16:], d.Frames)
	le.PutUint32(m[20:], d.Failed)
	le.PutUint64(m[24:], d.RunNS)
	le.PutUint64(m[32:], d.Tag)
}

// AppendFailed appends the DONE of a batch that failed as a whole to p, with its payload.
func (d *Done) AppendFailed(p []byte, e *ServerError) []byte {
	var m Message
	m.begin(KindDone, d.Slot, d.Generation)
	le.PutUint64(m[32:], d.Tag)
	return e.append(p, &m)
}

// ParseDone returns the content of a DONE. Of one with a code, ParseError has the rest but Slot, Generation and Tag.
func ParseDone(m *Message) Done {
	return Done{
		Slot: m.Slot(), Generation: m.Generation(),
		Frames: le.Uint32(m[16:]), Failed: le.Uint32(m[20:]), RunNS: le.Uint64(m[24:]), Tag: le.Uint64(m[32:]),
	}
}

// EntryBytes is the size of an Entry.
const EntryBytes = 16

// TableBytes returns the bytes at the beginning of an output area before the first image of n.
func TableBytes(n int) int { return Align(n*EntryBytes, FrameAlign) }

// Align returns n rounded up to a multiple of align, a power of two.
func Align(n, align int) int { return (n + align - 1) &^ (align - 1) }

// Entry is a line of the table at the beginning of an output area: where an image is, or the text of its error, as of
// ServerError.AppendText.
type Entry struct {
	Offset, Bytes uint32
	Code          uint32
	Alpha         uint32 // bytes of a gray JPEG of alpha behind it, of a transparent scene
}

// Put writes e as line i of the table in area.
func (e Entry) Put(area []byte, i int) {
	line := area[i*EntryBytes:][:EntryBytes]
	le.PutUint32(line[0:], e.Offset)
	le.PutUint32(line[4:], e.Bytes)
	le.PutUint32(line[8:], e.Code)
	le.PutUint32(line[12:], e.Alpha)
}

// ParseEntry returns line i of the table in area.
func ParseEntry(area []byte, i int) Entry {
	line := area[i*EntryBytes:][:EntryBytes]
	return Entry{Offset: le.Uint32(line[0:]), Bytes: le.Uint32(line[4:]), Code: le.Uint32(line[8:]), Alpha: le.Uint32(line[12:])}
}

// RectBytes is the size of a Rect in a slot.
const RectBytes = 16

// Rects returns the bytes of the rectangles in an input slot of an image of a scene: they lie behind its frames.
func (l *Layout) Rects(slot []byte) []byte {
	return slot[l.Batch*l.FramePitch:][: l.Batch*RectBytes : l.Batch*RectBytes]
}

// Rect is where a region goes. All zeros are its place.
type Rect struct{ X, Y, Width, Height int32 }

// Put writes r as that of region i.
func (r Rect) Put(rects []byte, i int) {
	line := rects[i*RectBytes:][:RectBytes]
	for k, v := range [4]int32{r.X, r.Y, r.Width, r.Height} {
		le.PutUint32(line[4*k:], uint32(v))
	}
}

// ParseRect returns the rectangle of region i. It reads each byte once.
func ParseRect(rects []byte, i int) Rect {
	line := rects[i*RectBytes:][:RectBytes]
	at := func(k int) int32 { return int32(le.Uint32(line[4*k:])) }
	return Rect{X: at(0), Y: at(1), Width: at(2), Height: at(3)}
}

// Flags of an Image.
const (
	FlagOffline = 1 << iota // the stream's source is lost
	FlagRepeat              // the viewer was sent it before
)

// Image is the content of an IMAGE.
type Image struct {
	Slot, Generation   uint32
	Flags, Bytes       uint32
	Seq                uint64
	CapturedUS, SentUS uint64
	Width, Height      uint32
	Alpha              uint32 // bytes of a gray JPEG of alpha behind the image, of a transparent scene
}

// Set makes m an IMAGE.
func (p *Image) Set(m *Message) {
	m.begin(KindImage, p.Slot, p.Generation)
	le.PutUint32(m[16:], p.Flags)
	le.PutUint32(m[20:], p.Bytes)
	le.PutUint64(m[24:], p.Seq)
	le.PutUint64(m[32:], p.CapturedUS)
	le.PutUint64(m[40:], p.SentUS)
	le.PutUint32(m[48:], p.Width)
	le.PutUint32(m[52:], p.Height)
	le.PutUint32(m[56:], p.Alpha)
}

// ParseImage returns the content of an IMAGE.
func ParseImage(m *Message) Image {
	return Image{
		Slot: m.Slot(), Generation: m.Generation(), Flags: le.Uint32(m[16:]), Bytes: le.Uint32(m[20:]), Seq: le.Uint64(m[24:]),
		CapturedUS: le.Uint64(m[32:]), SentUS: le.Uint64(m[40:]), Width: le.Uint32(m[48:]), Height: le.Uint32(m[52:]), Alpha: le.Uint32(m[56:]),
	}
}

// SetRelease makes m a RELEASE.
func (m *Message) SetRelease(slot, generation uint32) { m.begin(KindRelease, slot, generation) }

// SetPing makes m a PING.
func (m *Message) SetPing() { m.begin(KindPing, 0, 0) }

// SetOutput makes m an OUTPUT: the slot's images are in memory of so many bytes from now on.
func (m *Message) SetOutput(slot, generation uint32, bytes int) {
	m.begin(KindOutput, slot, generation)
	le.PutUint64(m[16:], uint64(bytes))
}

// OutputBytes returns the size in an OUTPUT, and false for one that cannot be.
func (m *Message) OutputBytes() (n int, ok bool) {
	v := le.Uint64(m[16:])
	return int(v), v > 0 && v < math.MaxInt
}

// FlagLast of a Status says that it is the last one: the client has ended the stream, and the counts are of all its frames.
const FlagLast = 1

// Status is the content of a STATUS.
type Status struct {
	Viewers, Flags                    uint32
	Arrived, Published, Dropped, Same uint64
	FPSOut                            float64
}

// Set makes m a STATUS.
func (s *Status) Set(m *Message) {
	m.begin(KindStatus, 0, 0)
	le.PutUint32(m[16:], s.Viewers)
	le.PutUint32(m[20:], s.Flags)
	le.PutUint64(m[24:], s.Arrived)
	le.PutUint64(m[32:], s.Published)
	le.PutUint64(m[40:], s.Dropped)
	le.PutUint64(m[48:], math.Float64bits(s.FPSOut))
	le.PutUint64(m[56:], s.Same)
}

// ParseStatus returns the content of a STATUS.
func ParseStatus(m *Message) Status {
	return Status{
		Viewers: le.Uint32(m[16:]), Flags: le.Uint32(m[20:]), Arrived: le.Uint64(m[24:]), Published: le.Uint64(m[32:]), Dropped: le.Uint64(m[40:]),
		FPSOut: math.Float64frombits(le.Uint64(m[48:])), Same: le.Uint64(m[56:]),
	}
}

// DroppedBytes is the size of the payload of a STATUS: how many frames were dropped for each reason, u64, in the order newer, capped,
// unseen, no memory, failed.
const DroppedBytes = 5 * 8

// AppendStatus appends s, as a STATUS with its payload, to p.
func AppendStatus(p []byte, s *Status, dropped [5]uint64) []byte {
	var m Message
	s.Set(&m)
	le.PutUint32(m[4:], DroppedBytes)
	p = append(p, m[:]...)
	for _, n := range dropped {
		p = le.AppendUint64(p, n)
	}
	return p
}

// ParseDropped returns the payload of a STATUS; zeros, if there is none.
func ParseDropped(payload []byte) (dropped [5]uint64) {
	if len(payload) >= DroppedBytes {
		for i := range dropped {
			dropped[i] = le.Uint64(payload[8*i:])
		}
	}
	return dropped
}
