// Package mkv writes Matroska: the JPEGs of a live stream as they come, each with its time, and sound beside them.
//
// Head and blocks alone are a file that players take while it grows: its length is not known, and nothing in it is changed
// later. Finish makes a whole file of it, with its duration and an index. The format is RFC 9559, and that of its elements
// RFC 8794.
package mkv

import (
	"encoding/binary"
	"math"
	"time"
)

// Elements, by their IDs.
const (
	idEBML        = 0x1A45DFA3
	idVersion     = 0x4286
	idReadVersion = 0x42F7
	idMaxID       = 0x42F2
	idMaxSize     = 0x42F3
	idDocType     = 0x4282
	idDocVersion  = 0x4287
	idDocRead     = 0x4285

	idVoid    = 0xEC
	idSegment = 0x18538067

	idSeekHead = 0x114D9B74
	idSeek     = 0x4DBB
	idSeekID   = 0x53AB
	idSeekPos  = 0x53AC

	idInfo     = 0x1549A966
	idScale    = 0x2AD7B1
	idDuration = 0x4489
	idDate     = 0x4461
	idMuxer    = 0x4D80
	idWriter   = 0x5741

	idTracks   = 0x1654AE6B
	idTrack    = 0xAE
	idNumber   = 0xD7
	idUID      = 0x73C5
	idType     = 0x83
	idLacing   = 0x9C
	idCodec    = 0x86
	idVideo    = 0xE0
	idWidth    = 0xB0
	idHeight   = 0xBA
	idAudio    = 0xE1
	idRate     = 0xB5
	idChannels = 0x9F
	idBits     = 0x6264

	idCluster   = 0x1F43B675
	idTimestamp = 0xE7
	idBlock     = 0xA3 // SimpleBlock

	idCues     = 0x1C53BB6B
	idCuePoint = 0xBB
	idCueTime  = 0xB3
	idCueTrack = 0xB7 // positions in a track
	idCueOf    = 0xF7 // which track
	idCuePos   = 0xF1
)

// The tracks of a file.
const (
	Images = 1
	Sound  = 2
)

// tick is the unit of all times in a file.
const tick = time.Millisecond

// unknownSize is the size of an element that ends where another begins that cannot be in it.
const unknownSize = 1<<56 - 1

// Head describes a file.
type Head struct {
	Width, Height int       // of the images, in pixels; later ones may have other sizes
	Rate          int       // of the sound, in samples a second; 0: there is none
	Channels      int       // of the sound: 16-bit samples, little-endian
	Start         time.Time // when it began
}

// seekRoom is where Finish puts what says where the index is.
const seekRoom = 64

// AppendHead appends what comes before the first block.
func AppendHead(dst []byte, h Head) []byte {
	dst = element(dst, idEBML, func(p []byte) []byte {
		p = number(number(p, idVersion, 1), idReadVersion, 1)
		p = number(number(p, idMaxID, 4), idMaxSize, 8)
		p = text(p, idDocType, "matroska")
		return number(number(p, idDocVersion, 4), idDocRead, 2)
	})
	dst = sized(appendID(dst, idSegment), unknownSize)
	dst = appendVoid(dst, seekRoom)
	dst = element(dst, idInfo, func(p []byte) []byte {
		p = number(p, idScale, uint64(tick))
		p = appendVoid(p, durationRoom)
		if !h.Start.IsZero() {
			since := h.Start.Sub(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
			p = element(p, idDate, func(p []byte) []byte { return binary.BigEndian.AppendUint64(p, uint64(since)) })
		}
		return text(text(p, idMuxer, "steadyframe"), idWriter, "steadyframe")
	})
	return element(dst, idTracks, func(p []byte) []byte {
		p = element(p, idTrack, func(p []byte) []byte {
			p = track(p, Images, 1, "V_MJPEG")
			return element(p, idVideo, func(p []byte) []byte {
				return number(number(p, idWidth, uint64(max(h.Width, 1))), idHeight, uint64(max(h.Height, 1)))
			})
		})
		if h.Rate == 0 {
			return p
		}
		return element(p, idTrack, func(p []byte) []byte {
			p = track(p, Sound, 2, "A_PCM/INT/LIT")
			return element(p, idAudio, func(p []byte) []byte {
				p = element(p, idRate, func(p []byte) []byte { return appendFloat(p, float64(h.Rate)) })
				return number(number(p, idChannels, uint64(h.Channels)), idBits, 16)
			})
		})
	})
}

// track appends what all tracks have.
func track(p []byte, n, kind uint64, codec string) []byte {
	p = number(number(p, idNumber, n), idUID, n)
	return text(number(number(p, idType, kind), idLacing, 0), idCodec, codec)
}

const (
	// clusterTime is how much one cluster holds: a player that seeks begins to read at one.
	clusterTime = time.Second
	// maxFromCluster is how far a block may be from its cluster's time, whose 16 bits are signed.
	maxFromCluster = math.MaxInt16 * tick
)

// Blocks makes what stands before the data of each block. Its zero value is for a new file, behind its head.
type Blocks struct {
	open    bool
	cluster time.Duration // its time
}

// MaxBlockHead is the most that Append appends.
const MaxBlockHead = 12 + 17 + 13

// Append appends what stands before n bytes of data of a track that are for the time at, from the beginning of the file: all
// else of their block, and a new cluster's head where one begins. The times of a track do not decrease. Another track may be
// up to a second behind.
func (b *Blocks) Append(dst []byte, track int, at time.Duration, n int) []byte {
	at = max(at, 0).Round(tick)
	from := at - b.cluster
	if !b.open || from < -maxFromCluster || from > maxFromCluster || track == Images && from >= clusterTime {
		b.open, b.cluster, from = true, at, 0
		dst = sized(appendID(dst, idCluster), unknownSize)
		dst = sized(append(dst, idTimestamp), 8)
		dst = binary.BigEndian.AppendUint64(dst, uint64(at/tick))
	}
	const keyframe = 0x80
	dst = sized(append(dst, idBlock), uint64(n+4))
	dst = append(dst, 0x80|byte(track))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(from/tick)))
	return append(dst, keyframe)
}

// appendID appends an ID, which has its length in itself.
func appendID(dst []byte, id uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift != 0 {
			dst = append(dst, byte(id>>shift))
		}
	}
	return dst
}

// sized appends a size in 8 bytes.
func sized(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, 1<<56|n) }

// element appends an element with what content appends.
func element(dst []byte, id uint32, content func([]byte) []byte) []byte {
	dst = sized(appendID(dst, id), 0)
	start := len(dst)
	dst = content(dst)
	binary.BigEndian.PutUint64(dst[start-8:], 1<<56|uint64(len(dst)-start))
	return dst
}

func number(dst []byte, id uint32, v uint64) []byte {
	return element(dst, id, func(p []byte) []byte { return binary.BigEndian.AppendUint64(p, v) })
}

func text(dst []byte, id uint32, s string) []byte {
	return element(dst, id, func(p []byte) []byte { return append(p, s...) })
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// appendVoid appends an element of n bytes in all, at least 9, that says nothing.
func appendVoid(dst []byte, n int) []byte {
	dst = sized(append(dst, idVoid), uint64(n-9))
	return append(dst, make([]byte, n-9)...)
}
