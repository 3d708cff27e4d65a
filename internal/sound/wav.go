package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// IsWAV reports whether a file with these first bytes is WAV, or its form for more than 4 GiB. It needs 12 of them.
func IsWAV(head []byte) bool {
	return len(head) >= 12 && (string(head[:4]) == "RIFF" || string(head[:4]) == "RF64") && string(head[8:12]) == "WAVE"
}

// FormatError says why a file is not WAV that this package reads.
type FormatError struct{ Reason string }

// Error is part of error.
func (e *FormatError) Error() string { return "WAV: " + e.Reason }

// maxSkipped is how many bytes may come before the samples: metadata of the recording, such as a cover image.
const maxSkipped = 16 << 20

// ReadHeader reads a WAV file up to its first sample. It returns the bytes of samples that the header declares, -1 for all that
// follow: programs that write to a pipe declare none, or as many as can be. The error is a *FormatError, or r's.
func ReadHeader(r io.Reader) (f Format, samples int64, err error) {
	var head [40]byte
	if err := readFull(r, head[:12]); err != nil {
		return f, 0, err
	}
	if !IsWAV(head[:12]) {
		return f, 0, &FormatError{fmt.Sprintf("got a file that begins with %q, want RIFF and WAVE", head[:4])}
	}
	known := false
	long := int64(-1) // of ds64
	for skipped := int64(0); ; {
		if err := readFull(r, head[:8]); err != nil {
			return f, 0, err
		}
		id, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		switch {
		case id == "data":
			if !known {
				return f, 0, &FormatError{"got samples before the chunk \"fmt \" that describes them"}
			}
			switch {
			case size == 1<<32-1 && long > 0:
				size = long
			case size == 0 || size >= 1<<31-1<<12: // 0, 2 GiB less a little, and 4 GiB less one
				size = -1
			}
			return f, size, nil
		case id == "fmt ":
			n := min(size, int64(len(head)))
			if err := readFull(r, head[:n]); err != nil {
				return f, 0, err
			}
			if f, err = parseFormat(head[:n]); err != nil {
				return f, 0, err
			}
			known = true
			size -= n
		case id == "ds64" && size >= 16:
			if err := readFull(r, head[:16]); err != nil {
				return f, 0, err
			}
			if n := binary.LittleEndian.Uint64(head[8:]); n < 1<<62 {
				long = int64(n)
			}
			size -= 16
		}
		size += size & 1 // Chunks begin at even places.
		if skipped += 8 + size; skipped > maxSkipped {
			return f, 0, &FormatError{fmt.Sprintf("got no samples within the first %d bytes", maxSkipped)}
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return f, 0, cutShort(err)
		}
	}
}

// readFull fills p, of a header that must not end there.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	return cutShort(err)
}

func cutShort(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{"the file ends inside its header"}
	}
	return err
}

// Format tags of the chunk "fmt ".
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xFFFE // the tag is where its GUID begins
)

// parseFormat returns what a chunk "fmt " says.
func parseFormat(p []byte) (Format, error) {
	if len(p) < 16 {
		return Format{}, &FormatError{fmt.Sprintf("got %d bytes of \"fmt \", want 16 or more", len(p))}
	}
	tag := binary.LittleEndian.Uint16(p)
	bits := binary.LittleEndian.Uint16(p[14:])
	align := int(binary.LittleEndian.Uint16(p[12:]))
	f := Format{Channels: int(binary.LittleEndian.Uint16(p[2:])), Rate: int(min(binary.LittleEndian.Uint32(p[4:]), 1<<30))}
	if tag == tagExtensible && len(p) >= 26 {
		tag = binary.LittleEndian.Uint16(p[24:])
	}
	if f.Channels < 1 || f.Channels > MaxChannels {
		return f, &FormatError{fmt.Sprintf("got %d channels, want 1 to %d", f.Channels, MaxChannels)}
	}
	switch [2]uint16{tag, bits} {
	case [2]uint16{tagPCM, 8}:
		f.Encoding = U8
	case [2]uint16{tagPCM, 16}:
		f.Encoding = S16
	case [2]uint16{tagPCM, 24}:
		f.Encoding = S24
	case [2]uint16{tagPCM, 32}:
		f.Encoding = S32
	case [2]uint16{tagFloat, 32}:
		f.Encoding = F32
	case [2]uint16{tagFloat, 64}:
		f.Encoding = F64
	default:
		return f, &FormatError{fmt.Sprintf("got samples of format %d with %d bits, want PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64: convert it, with ffmpeg -i IN -c:a pcm_s16le OUT.wav", tag, bits)}
	}
	if align != f.MomentBytes() {
		return f, &FormatError{fmt.Sprintf("got %d bytes for a sample of %d channels, want %d", align, f.Channels, f.MomentBytes())}
	}
	return f, nil
}

// AppendHeader appends the header of a WAV file without an end, of signed 16-bit samples.
func AppendHeader(dst []byte, rate, channels int) []byte {
	dst = append(dst, "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00"...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(channels))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rate))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rate*channels*2))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(channels*2))
	return append(dst, "\x10\x00data\xff\xff\xff\xff"...)
}
