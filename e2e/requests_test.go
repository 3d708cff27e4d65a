package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
)

// cut returns the frames of raw video.
func cut(data []byte) [][]byte {
	var all [][]byte
	size := len(data) / frames
	for ; len(data) > 0; data = data[size:] {
		all = append(all, data[:size:size])
	}
	return all
}

func dial(t *testing.T, target string) *client.Client {
	t.Helper()
	c, err := client.Dial(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// stream sends batches over one stream and returns the images of all responses.
func stream(t *testing.T, c *client.Client, batches []client.Batch) [][]byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := c.EncodeStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range batches {
		if err := s.Send(&batches[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	var response client.Response
	for i := range batches {
		if err := s.Recv(&response); err != nil {
			t.Fatal(err)
		}
		if response.ID != batches[i].ID {
			t.Errorf("response %d: got the ID %d, want %d", i, response.ID, batches[i].ID)
		}
		all = append(all, images(t, &response)...)
	}
	if err := s.Recv(&response); err != io.EOF {
		t.Errorf("after the last response: got %v, want io.EOF", err)
	}
	return all
}

// images returns copies of a response's images.
func images(t *testing.T, a *client.Response) [][]byte {
	t.Helper()
	var all [][]byte
	for i := range a.Images {
		if err := a.Images[i].Err; err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Clone(a.Images[i].Data))
	}
	return all
}

// post sends body and returns the response, which must be 200.
func post(t *testing.T, url, accept string, body []byte) ([]byte, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v\n%.500s", url, response.Status, err, data)
	}
	return data, response.Header
}

// parts returns the images of a multipart/mixed response.
func parts(t *testing.T, body []byte, header http.Header) [][]byte {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("Content-Type: got %q, want multipart/mixed", header.Get("Content-Type"))
	}
	var all [][]byte
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
}

// postEndless sends frames in a body without end, each after the image of the one before came back.
func postEndless(t *testing.T, url string, data []byte) [][]byte {
	t.Helper()
	body, feed := io.Pipe()
	defer feed.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "video/x-motion-jpeg")
	all := cut(data)
	var sent sync.WaitGroup
	sent.Go(func() { feed.Write(all[0]) }) // the headers of the response may wait for a first frame
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	sent.Wait()
	r := bufio.NewReader(response.Body)
	var got [][]byte
	for i := range all {
		if i > 0 {
			if _, err := feed.Write(all[i]); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, nextJPEG(t, r))
	}
	feed.Close()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("after the last image: got %d bytes, %v", len(rest), err)
	}
	return got
}

// nextJPEG reads to the end of a JPEG.
func nextJPEG(t *testing.T, r *bufio.Reader) []byte {
	t.Helper()
	var image []byte
	for !bytes.HasSuffix(image, []byte{0xFF, 0xD9}) {
		piece, err := r.ReadBytes(0xD9)
		if err != nil {
			t.Fatalf("after %d bytes of an image: %v", len(image), err)
		}
		image = append(image, piece...)
	}
	return image
}
