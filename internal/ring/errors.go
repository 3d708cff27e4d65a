package ring

import (
	"errors"
	"time"
)

// ServerError is what a server said in an ERROR, or about a batch.
type ServerError struct {
	Code       uint16
	Text       string
	RetryAfter time.Duration
}

func (e *ServerError) Error() string { return e.Text }

// ErrLost says that the server has ended the connection without a word, or sent what is no protocol.
var ErrLost = errors.New("ring: the connection to the server is lost")
