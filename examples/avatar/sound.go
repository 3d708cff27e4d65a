package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ahead is for how many images sound is sent before it is due, so that it is not late when this program is. The server takes half a
// second, and gives sound that is late by more than 200 ms the time of its coming (docs/streams.md).
const ahead = 2 * fps / 5

// sound sends the sound of a stream: pcm, over and over, from a time on.
type sound struct {
	url   string
	begin time.Time
	pcm   []byte // whole pieces

	body *io.PipeWriter // of a request that lasts as long as the stream
	next int            // the piece to send
}

// send sends what belongs to image n and to those shortly after it.
func (s *sound) send(ctx context.Context, n int) error {
	if s.body == nil || n > s.next { // it begins, or was held up: what is missing is over
		s.close()
		s.open(ctx, timeOf(s.begin, n))
		s.next = n
	}
	for ; s.next <= n+ahead; s.next++ {
		if _, err := s.body.Write(s.pcm[s.next*piece%len(s.pcm):][:piece]); err != nil {
			return err
		}
	}
	return nil
}

// open begins a request, whose body are samples from that time on. What goes wrong with it is the error of a Write.
func (s *sound) open(ctx context.Context, from time.Time) {
	body, pipe := io.Pipe()
	s.body = pipe
	url := fmt.Sprintf("%s?format=s16le&rate=%d&captured_us=%d", s.url, rate, from.UnixMicro())
	go func() {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.NopCloser(body))
		if err == nil {
			var response *http.Response
			if response, err = http.DefaultClient.Do(request); err == nil {
				text, _ := io.ReadAll(response.Body)
				response.Body.Close()
				err = fmt.Errorf("sound: %s: %s", response.Status, text)
			}
		}
		body.CloseWithError(err)
	}()
}

// close ends the request.
func (s *sound) close() {
	if s.body != nil {
		s.body.Close()
	}
}
