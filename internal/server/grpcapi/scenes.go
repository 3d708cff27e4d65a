package grpcapi

import (
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/internal/scenedir"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pool"
)

// listScenes serves ListScenes.
func (s *service) listScenes(out grpc.ServerStream, in pieceReader) error {
	c := &call{}
	c.init(s, out, in, func() {})
	if _, err := c.only(); err != nil {
		return err
	}
	response := &api.ListScenesResponse{}
	for _, i := range s.engine.Scenes() {
		response.Scenes = append(response.Scenes, sceneInfo(&i))
	}
	return c.sendMessage(response)
}

// unloadScene serves UnloadScene.
func (s *service) unloadScene(out grpc.ServerStream, in pieceReader) error {
	c := &call{}
	c.init(s, out, in, func() {})
	data, err := c.only()
	if err != nil {
		return err
	}
	var request api.UnloadSceneRequest
	if err := proto.Unmarshal(data, &request); err != nil {
		return notA("an UnloadSceneRequest", "%v", err)
	}
	info, err := s.engine.UnloadScene(request.GetScene())
	if err != nil {
		return err
	}
	s.log.Info("scene unloaded", "scene", info.Name, "identity", c.id.String(), "peer", peerOf(c.ctx), "users", info.Users)
	return c.sendMessage(sceneInfo(&info))
}

// sceneInfo returns the message that says what i says.
func sceneInfo(i *engine.SceneInfo) *api.SceneInfo {
	return &api.SceneInfo{Name: i.Name, Width: uint32(i.Width), Height: uint32(i.Height), Backgrounds: uint32(i.Backgrounds), Places: uint32(i.Places),
		Walk: i.Walk, Movable: i.Movable, Transparent: i.Transparent, Bytes: uint64(i.Bytes), Users: uint32(i.Users), LoadedUs: sinceEpoch(i.Loaded), Unloaded: i.Unloaded}
}

// sceneLoading is one call of LoadScene. Beside the call's own goroutine, one receives files and adds each to the scene.
type sceneLoading struct {
	call
	began   time.Time
	decoder decoder
	request request
	grant   pool.Grant // of the file that comes in
	load    *engine.SceneLoad
	info    engine.SceneInfo // once the scene is loaded
}

// loadScene serves LoadScene.
func (s *service) loadScene(out grpc.ServerStream, in pieceReader) error {
	c := &sceneLoading{began: time.Now()}
	c.init(s, out, in, c.release)
	c.decoder = decoder{kind: sceneFile, MaxFrames: 1, MaxBytes: int(s.engine.Config.Limits.MaxMessageBytes)}
	defer c.receiving.Stop()
	c.start(func() {
		err := c.protect(c.receiveAll)
		c.release() // before the caller knows, who may load another
		c.finish(err)
	})
	select {
	case err := <-c.done:
		if err != nil {
			return err
		}
	case <-c.ctx.Done():
		return c.over()
	case <-c.receiving.C:
		return errSlow()
	case <-c.engine.Draining():
		return errDraining()
	}
	s.log.Info("scene loaded", "scene", c.info.Name, "identity", c.id.String(), "peer", peerOf(c.ctx), "backgrounds", c.info.Backgrounds, "bytes", c.info.Bytes, "took", time.Since(c.began).Round(time.Millisecond).String())
	return c.sendMessage(sceneInfo(&c.info))
}

// release gives back what has come in, and a scene that is not complete.
func (c *sceneLoading) release() {
	c.releaseFile()
	if c.load != nil {
		c.load.Close()
	}
}

func (c *sceneLoading) releaseFile() {
	c.request.Release()
	c.grant.Release()
	c.grant = pool.Grant{}
}

// receiveAll adds files until there are no more, and makes the scene of them.
func (c *sceneLoading) receiveAll() (err error) {
	for {
		switch err := c.next(); {
		case err == io.EOF && c.load != nil:
			c.receiving.Stop()
			c.info, err = c.load.Commit(c.ctx)
			return err
		case err != nil:
			return firstError(err)
		}
		c.releaseFile()
	}
}

// next reads one file, and adds it. It returns io.EOF when the caller has no more.
func (c *sceneLoading) next() error {
	if err := c.await(time.Duration(c.engine.Config.Timeout.Receive)); err != nil {
		return err
	}
	if err := c.begin(engine.Scene); err != nil {
		return err
	}
	defer c.inflated()
	length, err := c.length()
	if err != nil {
		return err
	}
	c.expect()
	if err := c.decoder.Decode(&c.request, c, length); err != nil {
		return err
	}
	c.receiving.Stop()
	if err := c.ensure(); err != nil || len(c.request.File) == 0 {
		return err
	}
	var data []byte
	if len(c.request.Frames) > 0 {
		data = c.request.Frames[0].Buf.Bytes()
	}
	name := string(c.request.File)
	if !scenedir.Wanted(name) {
		return nil
	}
	return c.load.Add(c.ctx, name, data)
}

// ensure begins the loading with the first message, which names the scene.
func (c *sceneLoading) ensure() (err error) {
	switch name := string(c.request.Stream); {
	case c.load != nil && name != "":
		return &fault.Error{Kind: fault.Invalid, Field: "scene", Reason: "grpcapi: got scene again, want it in the first request alone"}
	case c.load == nil && name == "":
		return &fault.Error{Kind: fault.Invalid, Field: "scene", Reason: "grpcapi: the first request has no scene"}
	case c.load == nil:
		c.load, err = c.engine.LoadScene(name)
	}
	return err
}

// More is part of frameSource.
func (c *sceneLoading) More() (bool, error) { return c.more() }

// Fill is part of frameSource.
func (c *sceneLoading) Fill(b []byte) error { return c.fill(b) }

// Lease is part of frameSource.
func (c *sceneLoading) Lease(n int) (pool.Buf, error) {
	c.receiving.Stop() // The wait for memory is not the caller's.
	grant, err := c.engine.Admit(c.ctx, int64(pool.ClassSize(n)), nil)
	if err != nil {
		return pool.Buf{}, err
	}
	c.grant = grant
	c.expect()
	buf, err := c.engine.Pool.Get(n)
	if err != nil {
		return pool.Buf{}, fault.From(err)
	}
	return buf, nil
}

// Complete is part of frameSource.
func (c *sceneLoading) Complete() error { return nil }
