package httpapi

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/scenedir"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// scenes serves the list of all scenes, sorted by name, as JSON.
func (h *Handler) scenes(w *writer, _ *http.Request) error {
	list := struct {
		Scenes []sceneEntry `json:"scenes"`
	}{[]sceneEntry{}}
	for _, i := range h.engine.Scenes() {
		list.Scenes = append(list.Scenes, newSceneEntry(&i))
	}
	return writeJSON(w, list)
}

// sceneEntry is a scene in the list.
type sceneEntry struct {
	Name        string `json:"name"`
	Width       int    `json:"width"` // of the images
	Height      int    `json:"height"`
	Backgrounds int    `json:"backgrounds"`
	Places      int    `json:"places"` // regions that the background with the most takes
	Walk        string `json:"walk"`
	Movable     bool   `json:"movable"`
	Transparent bool   `json:"transparent"`
	Bytes       int64  `json:"bytes"` // of the memory budget
	Users       int    `json:"users"` // requests and live streams
	Loaded      string `json:"loaded"`
	Unloaded    bool   `json:"unloaded"` // it takes no further users, and ends with the last
}

func newSceneEntry(i *engine.SceneInfo) sceneEntry {
	return sceneEntry{Name: i.Name, Width: i.Width, Height: i.Height, Backgrounds: i.Backgrounds, Places: i.Places, Walk: i.Walk, Movable: i.Movable,
		Transparent: i.Transparent, Bytes: i.Bytes, Users: i.Users, Loaded: formatTime(i.Loaded), Unloaded: i.Unloaded}
}

// unloadScene serves DELETE /v1/scenes/{name}.
func (h *Handler) unloadScene(w *writer, r *http.Request) error {
	info, err := h.engine.UnloadScene(r.PathValue("name"))
	if err != nil {
		return err
	}
	h.log.Info("scene unloaded", "scene", info.Name, "identity", auth.From(r.Context()).String(), "peer", r.RemoteAddr, "users", info.Users)
	return writeJSON(w, newSceneEntry(&info))
}

// loadScene serves PUT /v1/scenes/{name}: the body is a tar of the scene's folder.
func (h *Handler) loadScene(w *writer, r *http.Request) error {
	e, began := h.engine, time.Now()
	if err := checkEncoding(r); err != nil {
		return err
	}
	if err := e.Open(engine.Scene, ownerOf(r)); err != nil {
		return err
	}
	defer e.Done(engine.Scene, ownerOf(r))
	load, err := e.LoadScene(r.PathValue("name"))
	if err != nil {
		return err
	}
	defer load.Close()
	b := newBody(e, w, r, http.NewResponseController(w))
	b.idle = b.receive
	defer b.stopOn(e.Draining())()
	u := sceneUpload{engine: e, request: r, body: b, load: load}
	if err := u.run(); err != nil {
		return err
	}
	info, err := load.Commit(r.Context())
	if err != nil {
		return err
	}
	h.log.Info("scene loaded", "scene", info.Name, "identity", auth.From(r.Context()).String(), "peer", r.RemoteAddr, "backgrounds", info.Backgrounds, "bytes", info.Bytes, "took", time.Since(began).Round(time.Millisecond).String())
	return writeJSON(w, newSceneEntry(&info))
}

// sceneUpload is a body that holds a scene's files.
type sceneUpload struct {
	engine  *engine.Engine
	request *http.Request
	body    *body
	load    *engine.SceneLoad
}

// run reads all files.
func (u *sceneUpload) run() error {
	in := &countedReader{r: u.body}
	files := tar.NewReader(in)
	for end := int64(0); ; { // of the file
		u.body.nextFrame()
		head, err := files.Next()
		if err == io.EOF && (in.n == 0 || in.n >= end+tarBlock) {
			return nil
		}
		if err == io.EOF { // Package tar takes that for the end of an archive, too.
			return fault.Errorf(fault.Invalid, "the body ends between two files of the tar, without the two empty blocks that end one")
		}
		if err == nil {
			end = in.n + blocksOf(head)
		}
		if err == nil && scenedir.Wanted(head.Name) && !ofMac(head.Name) {
			u.body.resume()
			err = u.file(files, head)
		}
		if err != nil {
			return tarFault(err)
		}
	}
}

// tarBlock is what a tar is made of, in bytes.
const tarBlock = 512

// blocksOf returns how many bytes a file takes at least behind its head.
func blocksOf(head *tar.Header) int64 {
	if head.Typeflag != tar.TypeReg || isSparse(head) {
		return 0
	}
	return (head.Size + tarBlock - 1) / tarBlock * tarBlock
}

// countedReader counts the bytes that are read.
type countedReader struct {
	r io.Reader
	n int64
}

// Read is part of io.Reader.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ofMac reports whether a file of that name is what tar on macOS adds for its attributes.
func ofMac(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "._")
}

// file reads a file and adds it to the scene. It takes memory when the file has begun to come.
func (u *sceneUpload) file(r io.Reader, head *tar.Header) error {
	if head.Typeflag != tar.TypeReg || isSparse(head) {
		return fault.Errorf(fault.Invalid, "got %.80q as no plain file of the archive, want files and folders alone", head.Name)
	}
	if most := int64(u.engine.Config.Limits.MaxMessageBytes); head.Size > min(most, pool.MaxSize) {
		return fault.LimitOf("limits.max_message_bytes", head.Size, most, "a file of the scene is too large")
	}
	var first [512]byte
	n, err := io.ReadFull(r, first[:min(head.Size, int64(len(first)))])
	if err != nil && err != io.EOF {
		return err
	}
	size := int(head.Size)
	grant, err := u.engine.Admit(u.request.Context(), int64(pool.ClassSize(size)), nil)
	if err != nil {
		return err
	}
	defer grant.Release()
	u.body.resume()
	buf, err := u.engine.Pool.Get(size)
	if err != nil {
		return err
	}
	defer buf.Release()
	data := buf.Bytes()
	if _, err := io.ReadFull(r, data[copy(data, first[:n]):]); err != nil {
		return err
	}
	return u.load.Add(u.request.Context(), head.Name, data)
}

// isSparse reports whether a file has holes: a few bytes may declare any number of them.
func isSparse(head *tar.Header) bool {
	for name := range head.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// tarFault returns why an archive could not be read.
func tarFault(err error) error {
	switch {
	case errors.Is(err, tar.ErrHeader):
		return &fault.Error{Kind: fault.Invalid, Reason: "the body is not a tar of a scene's folder, such as tar -C FOLDER -c scene.json rects.json frames makes", Err: err}
	case err == io.ErrUnexpectedEOF:
		return fault.Errorf(fault.Invalid, "the body ends inside the tar")
	}
	return fault.From(err)
}
