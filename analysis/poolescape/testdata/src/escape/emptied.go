package escape

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

type message struct {
	chunks [][]byte
	text   []byte
}

type article struct {
	chunks [][]byte
	text   []byte
}

var messages = sync.Pool{New: func() any { return new(message) }}

// empty gives the message new fields: what was in them is the article's.
func empty(m *message) { *m = message{} }

func fillArticle(m *message, e *article) {
	e.chunks = m.chunks
	e.text = m.text
}

func decodeArticle(e *article, b []byte, parse func([]byte, *message)) {
	m := messages.Get().(*message)
	defer func() {
		empty(m)
		messages.Put(m)
	}()
	parse(b, m)
	fillArticle(m, e)
}

type lent struct{ text []byte }

var lents = sync.Pool{New: func() any { return new(lent) }}

func fillLent(m *lent, e *article) { e.text = m.text }

func decodeLent(e *article, b []byte) {
	m := lents.Get().(*lent)
	defer lents.Put(m)
	m.text = append(m.text[:0], b...)
	fillLent(m, e) // want `m from lents.Get stays in what fillLent stores it in`
}

// The timer wants the name of the host, not the body of the request.
func timedRequest(url string, stalled func(string)) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	req, err := http.NewRequest("POST", url, bytes.NewReader(buf.Bytes()))
	if err != nil {
		return err
	}
	timer := time.AfterFunc(time.Second, func() { stalled(req.URL.Host) })
	defer timer.Stop()
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}
