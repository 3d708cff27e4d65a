package returned

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"unsafe"
)

type page struct {
	head  string
	body  []byte
	from  io.Reader
	parts [][]byte
	inner struct{ body []byte }
}

// Wrong: what is returned has the memory in it.

func inLiteral() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return &page{head: "x", body: buf.Bytes()} // want `inLiteral returns something that refers to memory that goes back to the pool when the function returns \(defer in line \d+\)`
}

func byValue() (page, error) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return page{body: buf.Bytes()}, nil // want `byValue returns something that refers to memory that goes back`
}

func inField() *page {
	buf := bufs.Get().(*bytes.Buffer)
	p := &page{}
	p.from = bytes.NewReader(buf.Bytes())
	bufs.Put(buf)
	return p // want `inField returns something that refers to memory that was put back \(Put in line \d+\)`
}

func inInnerField() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	p := new(page)
	p.inner.body = buf.Bytes()
	return p // want `inInnerField returns something that refers`
}

func inError(text string) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.WriteString(text)
	return &syntaxError{buf.Bytes()} // want `inError returns something that refers`
}

type syntaxError struct{ text []byte }

func (e *syntaxError) Error() string { return fmt.Sprintf("%q", e.text) }

func elements(r io.Reader) (list [][]byte) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	for {
		if _, err := buf.ReadFrom(r); err != nil {
			return list // want `elements returns something that refers`
		}
		list = append(list, buf.Bytes())
	}
}

func inMap() map[string][]byte {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	m := map[string][]byte{}
	m["a"] = buf.Bytes()
	return m // want `inMap returns something that refers`
}

// The body that a caller reads after the Put: abhinav/git-spice#921.
func roundTrip(t http.RoundTripper, r *http.Request) (*http.Response, error) {
	res, err := t.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	_, err = io.Copy(buf, res.Body)
	res.Body = io.NopCloser(bytes.NewReader(buf.Bytes()))
	if err != nil {
		return nil, err
	}
	return res, nil // want `roundTrip returns something that refers`
}

func newPage(body []byte) *page { return &page{body: body} }

func (p *page) withBody(body []byte) *page {
	p.body = body
	return p
}

func (p *page) wrap(body []byte) {
	p.from = io.MultiReader(bytes.NewReader(p.body), bytes.NewReader(body))
}

func fill(buf *bytes.Buffer) *page { return newPage(buf.Bytes()) }

func constructed() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return newPage(buf.Bytes()) // want `constructed returns something that refers`
}

func chained() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return newPage(nil).withBody(buf.Bytes()) // want `chained returns something that refers`
}

func wrapped() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	p := newPage(nil)
	p.wrap(buf.Bytes())
	return p // want `wrapped returns something that refers`
}

func byHelper() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return fill(buf) // want `byHelper returns something that refers`
}

func text1() string {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	b := buf.Bytes()
	return *(*string)(unsafe.Pointer(&b)) // want `text1 returns something that refers`
}

func b2s(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func text2() (string, error) {
	buf := bufs.Get().(*bytes.Buffer)
	text := b2s(buf.Bytes())
	bufs.Put(buf)
	return text, nil // want `text2 returns something that refers`
}

// Right.

func copiedInto() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return &page{head: buf.String(), body: bytes.Clone(buf.Bytes())}
}

func copiedLater() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	p := &page{body: buf.Bytes()}
	p.body = append([]byte(nil), p.body...)
	return p
}

func joined() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return &page{body: append([]byte("head"), buf.Bytes()...)}
}

func (p *page) size(body []byte) *page {
	p.head = fmt.Sprint(len(body))
	return p
}

func measured() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return newPage(nil).size(buf.Bytes())
}

func mayCopy(body []byte, keep bool) *page {
	if keep {
		body = bytes.Clone(body)
	}
	return &page{body: body}
}

// index has the memory only where the names are many, and then it is the callee's own.
func index(names []string, scratch []byte) *page {
	text := scratch[:0]
	if len(names) > 8 {
		text = make([]byte, 0, 512)
	}
	for _, name := range names {
		text = append(text, name...)
	}
	var all []byte
	if len(names) <= 8 {
		all = make([]byte, 0, len(text))
	} else {
		all = text[:0]
	}
	for _, name := range names {
		all = append(all, name...)
	}
	return &page{body: all}
}

func indexed(names []string) *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return index(names, buf.Bytes())
}

func byCopier() *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return mayCopy(buf.Bytes(), true)
}

func afterUse(send func(*page) *page) *page {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return send(&page{body: buf.Bytes()})
}

func onOnePath(keep bool) *page {
	buf := bufs.Get().(*bytes.Buffer)
	p := &page{}
	if keep {
		p.body = buf.Bytes()
		return p // and the value is not put back
	}
	bufs.Put(buf)
	return p
}

// The scratch of a decoder that gives its memory away: it is set to nil where it is put back.

type decoder struct{ body []byte }

func (d *decoder) free() {
	d.body = nil
	bufs.Put(d)
}

func decode(text []byte) *page {
	d := bufs.Get().(*decoder)
	defer d.free()
	d.body = append(d.body[:0], text...)
	return &page{body: d.body}
}

type name struct{ b []byte }

var names = sync.Pool{New: func() any { return new(name) }}

func (n *name) String() string { return *(*string)(unsafe.Pointer(&n.b)) }

func nameOf(p []byte) string {
	n := names.Get().(*name)
	defer names.Put(n)
	n.b = append(n.b[:0], p...)
	return n.String() // want `nameOf returns something that refers`
}

func nameCopy(p []byte) string {
	n := names.Get().(*name)
	defer names.Put(n)
	n.b = append(n.b[:0], p...)
	return string(n.b)
}
