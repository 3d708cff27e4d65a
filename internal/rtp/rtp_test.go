package rtp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtplpcm"
	"github.com/bluenviron/gortsplib/v5/pkg/ntp"
	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"

	"github.com/steadyframe/steadyframe/internal/rtp"
)

// Samples come out of another depacketizer in network order.
func TestL16(t *testing.T) {
	track := rtp.Track{SSRC: 5, Type: rtp.TypeL16, Rate: 48000, Seq: 9}
	samples := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	raw := track.AppendL16(nil, rtp.NoChannel, true, 1000, samples)
	var p pionrtp.Packet
	if err := p.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	if p.SSRC != 5 || p.SequenceNumber != 9 || p.Timestamp != 1000 || p.PayloadType != rtp.TypeL16 || !p.Marker {
		t.Errorf("got %+v", p.Header)
	}
	d := rtplpcm.Decoder{BitDepth: 16, ChannelCount: 2}
	if err := d.Init(); err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(&p)
	if err != nil || !bytes.Equal(got, []byte{2, 1, 4, 3, 6, 5, 8, 7}) {
		t.Errorf("got % x, %v", got, err)
	}
	interleaved := track.AppendL16(nil, 2, false, 1002, samples)
	if !bytes.Equal(interleaved[:4], []byte{'$', 2, 0, 20}) || len(interleaved) != 24 || interleaved[5] != rtp.TypeL16 {
		t.Errorf("got % x", interleaved)
	}
}

// A report says which time stamp stands for which time, and what was sent.
func TestReport(t *testing.T) {
	track := rtp.Track{SSRC: 5, Type: rtp.TypeL16, Rate: 48000, Base: 1<<32 - 100}
	for range 3 {
		track.AppendL16(nil, rtp.NoChannel, false, 0, make([]byte, 100))
	}
	wall := time.Date(2026, 11, 30, 12, 0, 0, 250e6, time.UTC)
	packets, err := rtcp.Unmarshal(track.AppendReport(nil, rtp.NoChannel, wall, 2*time.Second))
	if err != nil || len(packets) != 2 {
		t.Fatalf("got %v, %v, want two packets", packets, err)
	}
	report, ok := packets[0].(*rtcp.SenderReport)
	if !ok || report.SSRC != 5 || report.RTPTime != 96000-100 || report.PacketCount != 3 || report.OctetCount != 300 {
		t.Errorf("got %+v", packets[0])
	}
	if got := ntp.Decode(report.NTPTime); got.Sub(wall).Abs() > time.Microsecond {
		t.Errorf("got %v, want %v", got, wall)
	}
	named, ok := packets[1].(*rtcp.SourceDescription)
	if !ok || len(named.Chunks) != 1 || named.Chunks[0].Source != 5 || len(named.Chunks[0].Items) != 1 || named.Chunks[0].Items[0].Text != "steadyframe" {
		t.Errorf("got %+v", packets[1])
	}
	interleaved := track.AppendReport(nil, 3, wall, 0)
	if !bytes.Equal(interleaved[:4], []byte{'$', 3, 0, byte(len(interleaved) - 4)}) {
		t.Errorf("got % x", interleaved[:4])
	}
	packets, err = rtcp.Unmarshal(track.AppendGoodbye(nil, rtp.NoChannel))
	if err != nil || len(packets) != 2 {
		t.Fatalf("got %v, %v, want two packets", packets, err)
	}
	if bye, ok := packets[1].(*rtcp.Goodbye); !ok || len(bye.Sources) != 1 || bye.Sources[0] != 5 {
		t.Errorf("got %+v", packets[1])
	}
}

// Time stamps are those of their clocks, over hours and before the beginning.
func TestStamp(t *testing.T) {
	for _, test := range []struct {
		rate int
		at   time.Duration
		want uint32
	}{
		{90000, time.Second / 25, 3600},
		{90000, 100 * time.Hour, uint32(uint64(360000*90000) % (1 << 32))},
		{48000, -time.Second, 1<<32 - 48000},
		{44100, 10 * time.Millisecond, 441},
	} {
		track := rtp.Track{Rate: test.rate}
		if got := track.Stamp(test.at); got != test.want {
			t.Errorf("%d Hz, %v: got %d, want %d", test.rate, test.at, got, test.want)
		}
	}
}
