package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/natural"
	"github.com/steadyframe/steadyframe/pipeline"
)

// SceneImage is one image of a scene: a background, and how many of a Batch's frames are laid on it.
type SceneImage struct {
	Index   int             // of the background, from 0 on, without end; NextIndex: one more than that of the image before
	Regions int             // frames, behind those of the images before: 0 to 16
	Rects   []pipeline.Rect // where regions go, in a scene that is movable; a zero one, or none: to its place
}

// NextIndex as a SceneImage's Index is one more than that of the image before, and at first 0.
const NextIndex = -1

// SceneInfo is what is known of a scene.
type SceneInfo struct {
	Name          string
	Width, Height int // of the images, in pixels
	Backgrounds   int
	Places        int    // regions that the background with the most takes
	Walk          string // the order of the backgrounds: "to-and-fro" or "loop"
	Movable       bool
	Transparent   bool
	Bytes         int64 // that it holds of the server's memory budget
	Users         int   // requests and live streams that use it
	Loaded        time.Time
	Unloaded      bool // it takes no further users, and ends with the last
}

func sceneInfo(m *api.SceneInfo) SceneInfo {
	return SceneInfo{
		Name: m.GetName(), Width: int(m.GetWidth()), Height: int(m.GetHeight()), Backgrounds: int(m.GetBackgrounds()), Places: int(m.GetPlaces()),
		Walk: m.GetWalk(), Movable: m.GetMovable(), Transparent: m.GetTransparent(), Bytes: int64(m.GetBytes()), Users: int(m.GetUsers()),
		Loaded: time.UnixMicro(int64(m.GetLoadedUs())), Unloaded: m.GetUnloaded(),
	}
}

// LoadScene loads a scene from the files of its folder (docs/scenes.md), such as os.DirFS("avatars/anna"): JPEGs and PNGs, and
// raw frames, whose names end in their pixel format. It takes the place of one of the same name when all of it is there. The
// error is an *Error, or that of reading a file.
func (c *Client) LoadScene(ctx context.Context, name string, folder fs.FS) (SceneInfo, error) {
	names, err := sceneFiles(folder)
	if err != nil {
		return SceneInfo{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.open(ctx, api.FrameService_LoadScene_FullMethodName)
	if err != nil {
		return SceneInfo{}, err
	}
	err = s.SendMsg(&api.SceneFile{Scene: name})
	for i := 0; err == nil && i < len(names); i++ {
		data, readErr := fs.ReadFile(folder, names[i])
		if readErr != nil {
			return SceneInfo{}, readErr
		}
		err = s.SendMsg(&api.SceneFile{Name: names[i], Data: data})
	}
	if err == nil {
		err = s.CloseSend()
	}
	if err != nil && err != io.EOF {
		return SceneInfo{}, toError(err)
	}
	var info api.SceneInfo
	if err := s.RecvMsg(&info); err != nil {
		return SceneInfo{}, toError(early(err))
	}
	return sceneInfo(&info), nil
}

// sceneFiles returns the names of a scene's files in the order in which the server wants them.
func sceneFiles(folder fs.FS) ([]string, error) {
	var names []string
	for _, name := range []string{"scene.json", "rects.json", "mask.png"} {
		if _, err := fs.Stat(folder, name); err == nil {
			names = append(names, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, dir := range []string{"masks", "frames"} {
		entries, err := fs.ReadDir(folder, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return natural.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			if !e.IsDir() && e.Name()[0] != '.' {
				names = append(names, path.Join(dir, e.Name()))
			}
		}
	}
	if len(names) == 0 {
		return nil, &Error{Code: codes.InvalidArgument, Field: "scene", Reason: "client: the folder has no files of a scene: want scene.json, rects.json, frames/"}
	}
	return names, nil
}

// UnloadScene ends a scene for new requests. Its memory is given back when the last request and live stream that use it have
// ended. The error is an *Error: NotFound when there is none of that name.
func (c *Client) UnloadScene(ctx context.Context, name string) (SceneInfo, error) {
	var info api.SceneInfo
	if err := c.conn.Invoke(c.context(ctx), api.FrameService_UnloadScene_FullMethodName, &api.UnloadSceneRequest{Scene: name}, &info); err != nil {
		return SceneInfo{}, toError(err)
	}
	return sceneInfo(&info), nil
}

// ListScenes returns what is known of the server's scenes, sorted by name. The error is an *Error.
func (c *Client) ListScenes(ctx context.Context) ([]SceneInfo, error) {
	var response api.ListScenesResponse
	if err := c.conn.Invoke(c.context(ctx), api.FrameService_ListScenes_FullMethodName, &api.ListScenesRequest{}, &response); err != nil {
		return nil, toError(err)
	}
	list := make([]SceneInfo, len(response.GetScenes()))
	for i, m := range response.GetScenes() {
		list[i] = sceneInfo(m)
	}
	return list, nil
}

// The tags of SceneImage and RegionRect.
const (
	tagIndex   = 1<<3 | uint64(protowire.VarintType)
	tagRegions = 2<<3 | uint64(protowire.VarintType)
	tagRects   = 3<<3 | uint64(protowire.BytesType)
	tagX       = 1<<3 | uint64(protowire.VarintType)
	tagY       = 2<<3 | uint64(protowire.VarintType)
	tagWidth   = 3<<3 | uint64(protowire.VarintType)
	tagHeight  = 4<<3 | uint64(protowire.VarintType)
)

// The most that a RegionRect, and the rest of a SceneImage, take.
const (
	maxRectSize  = maxTag + 1 + 4*(maxTag+maxVarint)
	maxImageSize = 2*maxTag + maxVarint + 2*maxVarint
)

// imagesSizeOf returns the bytes that images take in a head at most.
func imagesSizeOf(images []SceneImage) (n int) {
	for i := range images {
		n += maxTag + maxVarint + maxImageSize + maxRectSize*len(images[i].Rects)
	}
	return n
}

// appendImages appends images, each a field of that tag.
func appendImages(dst []byte, tag uint64, images []SceneImage) []byte {
	for i := range images {
		dst = protowire.AppendVarint(dst, tag)
		dst = appendMessage(dst, func(dst []byte) []byte { return images[i].append(dst) })
	}
	return dst
}

// appendMessage appends what fields appends, with its length before it.
func appendMessage(dst []byte, fields func([]byte) []byte) []byte {
	start := len(dst)
	dst = fields(dst)
	n := len(dst) - start
	dst = protowire.AppendVarint(dst, uint64(n)) // behind it, for its size
	head := len(dst) - start - n
	var length [maxVarint]byte
	copy(length[:], dst[start+n:])
	copy(dst[start+head:], dst[start:start+n])
	copy(dst[start:], length[:head])
	return dst
}

func (m *SceneImage) append(dst []byte) []byte {
	if m.Index != NextIndex {
		dst = protowire.AppendVarint(protowire.AppendVarint(dst, tagIndex), uint64(m.Index))
	}
	dst = protowire.AppendVarint(protowire.AppendVarint(dst, tagRegions), uint64(m.Regions))
	for _, r := range m.Rects {
		dst = protowire.AppendVarint(dst, tagRects)
		dst = appendMessage(dst, func(dst []byte) []byte {
			dst = protowire.AppendVarint(protowire.AppendVarint(dst, tagX), protowire.EncodeZigZag(int64(r.X)))
			dst = protowire.AppendVarint(protowire.AppendVarint(dst, tagY), protowire.EncodeZigZag(int64(r.Y)))
			dst = protowire.AppendVarint(protowire.AppendVarint(dst, tagWidth), uint64(r.Width))
			return protowire.AppendVarint(protowire.AppendVarint(dst, tagHeight), uint64(r.Height))
		})
	}
	return dst
}
