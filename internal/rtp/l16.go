package rtp

// L16Bytes is how many bytes of samples a packet of sound has at most: a multiple of 4, a sample of two channels.
const L16Bytes = (MaxPacket - headerBytes) / 4 * 4

// AppendL16 appends a packet of sound, at most L16Bytes of 16-bit little-endian samples, those of all channels for one moment after
// the other. A packet has them in network order (RFC 3551, 4.5.11). after says that it does not go on where the packet before ended.
// channel is what it has on the connection of RTSP, 0 to 255, or NoChannel.
func (t *Track) AppendL16(dst []byte, channel int, after bool, stamp uint32, samples []byte) []byte {
	dst = appendInterleaved(dst, channel, headerBytes+len(samples))
	dst = t.appendHeader(dst, after, stamp, len(samples))
	for i := 0; i+1 < len(samples); i += 2 {
		dst = append(dst, samples[i+1], samples[i])
	}
	return dst
}
