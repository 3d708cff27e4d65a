package grpcapi

import (
	"encoding/binary"
	"io"
	"net/http"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// This file has all that the API uses of grpc-go beside its public packages, and what it does without. An upgrade of
// grpc-go that takes something away costs memory or speed, and the server goes on; tests say that it is gone.
// docs/adr/0009-grpc-codec.md has the figures.

// Without says what of this the API does without: nothing, or for tests one of these.
type Without string

// What there is.
const (
	WithoutTaking Without = "taking" // messages come through grpc-go, and are read from its transport streams
	WithoutAny    Without = "any"
)

// pieceReader is what a call reads from: grpc-go's transport stream. Without it a call has wholeMessages.
type pieceReader interface {
	// ReadMessageHeader fills p with the stream's next bytes, whatever they are; grpc-go itself reads the five bytes before
	// a message with it. It copies them from its buffers, frees those, and allocates nothing. io.EOF says that the caller
	// has no more.
	ReadMessageHeader(p []byte) error
	// RecvCompress returns the caller's grpc-encoding.
	RecvCompress() string
}

// readerOf returns what the call of stream reads from.
func (s *service) readerOf(stream grpc.ServerStream) pieceReader {
	if !s.whole {
		if in, ok := grpc.ServerTransportStreamFromContext(stream.Context()).(pieceReader); ok {
			if t := ticketOf(stream.Context()); t != nil && t.taker != nil {
				return &takenReader{pieceReader: in, taker: t.taker, ctx: stream.Context()}
			}
			return in
		}
	}
	return &wholeMessages{stream: stream}
}

// readsPieces reports whether the transport streams of this grpc-go are pieceReaders. It makes a call without a network.
func readsPieces() bool {
	found := false
	s := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		_, found = grpc.ServerTransportStreamFromContext(stream.Context()).(pieceReader)
		return nil
	}))
	s.ServeHTTP(discard{}, &http.Request{Method: http.MethodPost, ProtoMajor: 2, URL: &url.URL{Path: "/any/method"}, Body: http.NoBody,
		Header: http.Header{"Content-Type": {"application/grpc"}}})
	s.Stop()
	return found
}

// discard is an http.ResponseWriter that drops what is written.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
func (discard) Flush()                      {}

// wholeMessages reads with grpc-go's RecvMsg, which holds a whole message, up to limits.max_message_bytes, before any of
// it can be read. No budget counts that memory. grpc-go has decompressed the message by then.
type wholeMessages struct {
	stream  grpc.ServerStream
	message *mem.Reader // what of the message has not been read; nil between messages
}

// ReadMessageHeader is part of pieceReader. Between messages it waits for the next, and fills p with a header for it.
func (w *wholeMessages) ReadMessageHeader(p []byte) error {
	if w.message == nil {
		if err := w.stream.RecvMsg(w); err != nil {
			return err // A message that it refuses, it has refused in its own words by now.
		}
		p[0] = 0 // It is plain.
		binary.BigEndian.PutUint32(p[1:], uint32(w.message.Remaining()))
	} else if _, err := io.ReadFull(w.message, p); err != nil {
		return err
	}
	if w.message.Remaining() == 0 {
		w.message.Close()
		w.message = nil
	}
	return nil
}

// RecvCompress is part of pieceReader.
func (w *wholeMessages) RecvCompress() string { return "" }

// unmarshal takes what codec is given of a message.
func (w *wholeMessages) unmarshal(data mem.BufferSlice) { w.message = data.Reader() }

// ReadOnReady is what grpc-go asks a connection for that is not one of net's own types: it waits until there is something
// to read, and takes a buffer only then. The method is named in no documentation. A grpc-go that does not ask for it
// calls Read, with a buffer of readBuffer bytes in its hand while the connection is silent.
func (c *connection) ReadOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if c.in != nil {
		return c.in.read(size, pool)
	}
	return c.readOnReady(size, pool)
}

// readOnReady is ReadOnReady of what comes from the network.
func (c *connection) readOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if r, ok := c.Conn.(interface {
		ReadOnReady(int, conn.BufferPool) (*[]byte, int, error)
	}); ok {
		return r.ReadOnReady(size, pool)
	}
	buf := pool.Get(size)
	n, err := c.Conn.Read(*buf)
	if err != nil {
		pool.Put(buf)
		return nil, 0, err
	}
	if n == 0 {
		pool.Put(buf)
		return nil, 0, io.ErrNoProgress
	}
	return buf, n, nil
}

// experiments are the options that grpc-go calls experimental. Its own pool serves readBuffer from buffers of 1 MiB, and
// does not tell what it holds.
func experiments(buffers *frameBuffers) []grpc.ServerOption {
	return []grpc.ServerOption{experimental.BufferPool(buffers)}
}
