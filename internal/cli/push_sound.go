package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/sound"
)

// pushSound sends the sound of a video beside its frames, in a request of its own: each sample when the frame of its time stamp is
// due. The server gives the first sample the time when it comes and each further one a sample later, however late that is, so what is
// sent has no gaps: where frames wait, silence is.
type pushSound struct {
	run    *pushRun
	in     io.Reader // WAV
	format sound.Format
	read   int64         // moments of in
	piece  []byte        // of pieceTime
	ready  chan struct{} // closed when start is known

	mu    sync.Mutex
	start time.Time // when the time stamp 0 is due: later when frames had to wait
}

const (
	// pieceTime is how much sound is sent at once.
	pieceTime = 20 * time.Millisecond
	// soundAhead is how long before it is due sound is sent, but for the first piece.
	soundAhead = 60 * time.Millisecond
	// soundLate is how late a piece may be: the server keeps as much for those who are late themselves.
	soundLate = 2 * time.Second
)

// errSoundLate ends a request whose sound nobody hears any more. The next one goes on with what is due then.
var errSoundLate = errors.New("the sound was held up")

func newPushSound(run *pushRun, in io.Reader) *pushSound {
	return &pushSound{run: run, in: in, ready: make(chan struct{})}
}

// follow is called with each frame that was handed to the connection.
func (s *pushSound) follow(start time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start.IsZero() {
		close(s.ready)
	}
	s.start = start
}

// send sends the sound until its end, or ctx's. What is wrong with it does not end the frames.
func (s *pushSound) send(ctx context.Context) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return
	}
	var err error
	if s.format, _, err = sound.ReadHeader(s.in); err != nil {
		return // ffmpeg has ended, and the frames say why.
	}
	s.piece = make([]byte, int(s.moments(pieceTime))*s.format.MomentBytes())
	delay := firstDelay
	for ctx.Err() == nil {
		start := time.Now()
		place := s.run.servers.place.Load()
		err := s.connect(ctx, place)
		var refused *PushRefusedError
		switch {
		case err == io.EOF || ctx.Err() != nil:
			return
		case errors.As(err, &refused):
			s.run.notice("the sound is not sent: %s", err)
			if len(s.run.Targets) == 1 {
				return
			}
			select {
			case <-place.ctx.Done(): // Another server may take it.
				continue
			case <-ctx.Done():
				return
			}
		case err == errSoundLate || time.Since(start) >= steadyTime:
			delay = firstDelay
		}
		select {
		case <-time.After(jitter(delay)):
		case <-ctx.Done():
		}
		delay = min(2*delay, lastDelay)
	}
}

// moments returns how many there are in so much time.
func (s *pushSound) moments(d time.Duration) int64 {
	return int64(d) * int64(s.format.Rate) / int64(time.Second)
}

// connect sends sound to where the frames go, in one request. It returns io.EOF at the end of the sound, and else what was wrong.
func (s *pushSound) connect(ctx context.Context, place *pushPlace) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(partingTime, cancel) })()
	defer context.AfterFunc(place.ctx, cancel)()
	body, w := io.Pipe()
	query := url.Values{"format": {"s16le"}, "rate": {fmt.Sprint(s.format.Rate)}, "channels": {fmt.Sprint(s.format.Channels)}, "continuous": {"true"}}
	request, err := http.NewRequestWithContext(sending, http.MethodPost, place.soundURL(query), body)
	if err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() {
		err := s.feed(ctx, w)
		w.Close()
		fed <- err
	}()
	response, err := s.run.roundTrip(place, request)
	if err == nil {
		err = s.run.answered(response)
		response.Body.Close()
	}
	body.CloseWithError(io.ErrClosedPipe)
	if why := <-fed; err == nil {
		return why
	}
	return place.refusal(err)
}

// feed writes the sound to w from what is due now on. It returns why there is no more: io.EOF at its end.
func (s *pushSound) feed(ctx context.Context, w io.Writer) error {
	if _, err := w.Write(nil); err != nil { // The connection is there, and the server wants the body.
		return err
	}
	begun, sent := time.Now(), int64(0)
	for ctx.Err() == nil {
		due := begun.Add(time.Duration(sent) * time.Second / time.Duration(s.format.Rate))
		piece, err := s.next(due)
		if err != nil {
			return err
		}
		wait := time.Until(due)
		if sent > 0 {
			wait -= soundAhead
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		if time.Since(due) > soundLate {
			return errSoundLate
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		sent += int64(len(piece) / s.format.MomentBytes())
	}
	return nil
}

// next returns the piece whose first sample is to be heard at due: what is over by then is skipped, and before the sound goes on
// there is silence.
func (s *pushSound) next(due time.Time) ([]byte, error) {
	s.mu.Lock()
	early := s.read - s.moments(due.Sub(s.start))
	s.mu.Unlock()
	bytes := int64(s.format.MomentBytes())
	switch exact := s.moments(time.Millisecond); {
	case early > exact:
		n := min(early*bytes, int64(len(s.piece)))
		clear(s.piece[:n])
		return s.piece[:n], nil
	case early < -exact:
		if _, err := io.CopyN(io.Discard, s.in, -early*bytes); err != nil {
			return nil, io.EOF
		}
		s.read -= early
	}
	n, err := io.ReadFull(s.in, s.piece)
	if n == 0 {
		return nil, io.EOF
	}
	if err != nil {
		n -= n % int(bytes)
	}
	s.read += int64(n) / bytes
	return s.piece[:n], nil
}
