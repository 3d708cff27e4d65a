package grpcapi

import (
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// listenPiece is how many bytes of sound are sent at a time.
const listenPiece = 16 << 10

// listening is one call of Listen. Its own goroutine sends sound, one piece at a time. Another receives what the caller sends.
type listening struct {
	call
	first    chan string // takes the name of the stream
	delivery *delivery
	left     chan struct{} // of capacity 1: receives when a piece has left
	piece    []byte        // lent to the transport while busy
	busy     bool
	stall    *time.Timer // when it fires, the caller has read nothing for too long
}

func newListening(s *service, stream grpc.ServerStream, in pieceReader) *listening {
	l := &listening{first: make(chan string, 1), left: make(chan struct{}, 1), stall: time.NewTimer(time.Hour)}
	l.init(s, stream, in, func() {})
	left := l.left
	l.delivery = newDelivery(l.conn, nil, func() { signal(left) })
	l.stall.Stop()
	return l
}

// run serves the call until its outcome is known, and returns that.
func (l *listening) run() error {
	defer l.receiving.Stop()
	defer l.stall.Stop()
	defer l.delivery.held.retire()
	l.start(func() {
		if err := l.protect(l.receiveAll); err != nil {
			l.finish(err)
		}
	})
	select {
	case name := <-l.first:
		return l.listen(name)
	case err := <-l.done:
		return err
	case <-l.ctx.Done():
		return l.over()
	case <-l.receiving.C:
		return errSlow()
	case <-l.engine.Draining():
		return errDraining()
	}
}

// receiveAll reads the first request, and makes sure that there is no other.
func (l *listening) receiveAll() error {
	data, err := l.small(nil, time.Duration(l.engine.Config.Timeout.Receive))
	if err != nil {
		return firstError(err)
	}
	var r api.ListenRequest
	if err := proto.Unmarshal(data, &r); err != nil {
		return notA("a ListenRequest", "%v", err)
	}
	if r.Stream == "" {
		return errNoStream()
	}
	l.first <- r.Stream
	switch _, err := l.small(data, 0); err { // A listener may be silent.
	case io.EOF:
		return nil
	case nil:
		return errStreamAgain("a request")
	default:
		return err
	}
}

// listen sends the sound of a stream until it ends.
func (l *listening) listen(name string) error {
	if err := l.id.May(config.View, name); err != nil {
		return err
	}
	l.live.Hub.Settle(l.ctx, name)
	listener, err := l.id.Listen(l.live.Hub, name, nil)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := l.stream.SendHeader(nil); err != nil { // It tells the caller that there is such a stream.
		return l.sendError(err)
	}
	l.piece = make([]byte, listenPiece)
	for {
		if !l.busy {
			n, at, err := listener.Read(l.piece)
			if err != nil {
				return nil // The sound has ended.
			}
			if n > 0 {
				if err := l.send(listener.Format(), l.piece[:n], at); err != nil {
					return err
				}
			}
		}
		select {
		case <-l.left:
			l.busy = false
			l.stall.Stop()
		case <-listener.Wake():
		case err := <-l.done:
			return err
		case <-l.ctx.Done():
			return l.over()
		case <-l.receiving.C:
			return errSlow()
		case <-l.stall.C:
			f := fault.Errorf(fault.Slow, "the sound was not read within live.stall")
			l.conn.hangUp(f)
			return f
		case <-l.engine.Draining():
			return errDraining()
		}
	}
}

// The fields of Sound.
const (
	fieldSoundCaptured protowire.Number = 1 // the first of three numbers
	fieldSoundPCM      protowire.Number = 4
)

// send sends a piece, which is lent until it has left. It does not wait: nothing else is on its way.
func (l *listening) send(f stream.SoundFormat, pcm []byte, captured time.Time) error {
	numbers := [...]uint64{sinceEpoch(captured), uint64(f.Rate), uint64(f.Channels)}
	small := varintsSize(fieldSoundCaptured, numbers[:]) + bytesSize(fieldSoundPCM, len(pcm))
	if lends(len(pcm)) {
		small -= len(pcm)
	}
	d := l.delivery
	d.begin(small)
	d.varints(fieldSoundCaptured, numbers[:])
	d.length(fieldSoundPCM, len(pcm))
	d.data(pcm)
	out := d.seal(nil, pool.Grant{}, int64(len(pcm)))
	l.busy = true
	l.stall.Reset(time.Duration(l.engine.Config.Live.Stall))
	err := l.stream.SendMsg(out)
	d.sent(err, l.ctx.Err() != nil)
	if err != nil {
		return l.sendError(err)
	}
	return nil
}
