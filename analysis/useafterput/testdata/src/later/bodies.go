package later

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// Wrong: a Transport may still read the body of a request when Do has returned.

func post(url string, v any) (*http.Response, error) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		return nil, err
	}
	req, err := http.NewRequest("POST", url, buf)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req) // want `the body of this request reads memory that goes back to the pool in line 14: a Transport may still read it when http.DefaultClient.Do has returned`
}

func postBytes(c *http.Client, url string, p []byte) error {
	buf := bufs.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Write(p)
	resp, err := c.Post(url, "text/plain", bytes.NewReader(buf.Bytes())) // want `the body of this request reads memory that goes back to the pool in line 31`
	bufs.Put(buf)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func newRequest(body io.Reader) (*http.Request, error) {
	return http.NewRequest("POST", "http://x", body)
}

func postBy(rt http.RoundTripper, p []byte) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	buf.Write(p)
	req, err := newRequest(buf)
	if err != nil {
		return err
	}
	req = req.WithContext(req.Context())
	resp, err := rt.RoundTrip(req) // want `the body of this request reads memory that goes back to the pool in line 44`
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func again(req *http.Request, p []byte) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	buf.Write(p)
	req.Body = io.NopCloser(buf)
	resp, err := http.DefaultClient.Do(req) // want `the body of this request reads memory that goes back to the pool in line 61`
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Right: what is sent is a copy.
func postCopy(url string, p []byte) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.Reset()
	buf.Write(p)
	resp, err := http.Post(url, "text/plain", bytes.NewReader(bytes.Clone(buf.Bytes())))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Right: the response was read and closed, and where there is none the buffer is dropped.
func postThenPut(url string, p []byte) error {
	buf := bufs.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Write(p)
	resp, err := http.Post(url, "text/plain", buf)
	if err != nil {
		return err
	}
	err = resp.Body.Close()
	bufs.Put(buf)
	return err
}
