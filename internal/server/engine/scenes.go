package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/internal/scenedir"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// scenes are the scenes of a server by name. A scene that was unloaded, or replaced, stays until its last user has ended.
type scenes struct {
	pool    *pool.Pool
	scratch *pipelines // has that of all scenes
	most    int        // limits.max_scenes
	max     int64      // bytes: limits.scene_memory

	mu      sync.Mutex
	byName  map[string]*loadedScene
	ended   map[*loadedScene]bool // unloaded, with users
	loading map[*SceneLoad]int64  // bytes so far
	closed  bool
}

// loadedScene is a scene and its users.
type loadedScene struct {
	*scene.Scene
	name     string
	loaded   time.Time
	places   int   // of the background with the most
	expected int64 // bytes of the largest image, probably
	affine   bool  // whether a place is
	uses     entry // its scratch

	users    int // scenes.mu guards it and what follows
	unloaded bool
}

// SceneInfo describes a scene of the server.
type SceneInfo struct {
	Name          string
	Width, Height int    // of the images, pixels
	Backgrounds   int    //
	Places        int    // regions that the background with the most takes
	Walk          string // the order of the backgrounds
	Movable       bool
	Transparent   bool
	Bytes         int64 // that it holds of the memory budget
	Users         int   // requests and live streams
	Loaded        time.Time
	Unloaded      bool // it takes no further users
}

func newScenes(p *pool.Pool, scratch *pipelines, l config.Limits) *scenes {
	return &scenes{pool: p, scratch: scratch, most: l.MaxScenes, max: l.SceneShare(), byName: map[string]*loadedScene{}, ended: map[*loadedScene]bool{}, loading: map[*SceneLoad]int64{}}
}

// use returns the scene of that name with one more user.
func (s *scenes) use(name string) (*loadedScene, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byName[name]
	if l == nil {
		return nil, s.unknown(name)
	}
	l.users++
	return l, nil
}

// unknown is the error for a name that no scene has. s.mu is held.
func (s *scenes) unknown(name string) *fault.Error {
	reason := fmt.Sprintf("unknown scene: got %.80q, and there is none", name)
	if len(s.byName) > 0 {
		reason = fmt.Sprintf("unknown scene: got %.80q, want one of %s", name, strings.Join(slices.Sorted(maps.Keys(s.byName)), ", "))
	}
	return &fault.Error{Kind: fault.NotFound, Field: "scene", Reason: reason}
}

// leave ends what use began.
func (s *scenes) leave(l *loadedScene) {
	s.mu.Lock()
	l.users--
	over := l.unloaded && l.users == 0
	if over {
		delete(s.ended, l)
	}
	s.mu.Unlock()
	if over {
		s.free(l)
	}
}

// put makes l the scene of its name.
func (s *scenes) put(l *loadedScene) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errDraining()
	}
	old := s.byName[l.name]
	if old == nil && len(s.byName) >= s.most {
		return s.tooMany()
	}
	s.byName[l.name] = l
	if old != nil {
		s.end(old)
	}
	return nil
}

func (s *scenes) tooMany() *fault.Error {
	return fault.BusyOf("limits.max_scenes", int64(len(s.byName))+1, int64(s.most), "too many scenes")
}

// end unloads l, which is no longer in byName. s.mu is held.
func (s *scenes) end(l *loadedScene) {
	l.unloaded = true
	if l.users > 0 {
		s.ended[l] = true
		return
	}
	s.free(l)
}

// free gives back the memory of l, which has no users: no image is being composed.
func (s *scenes) free(l *loadedScene) {
	s.scratch.forget(&l.uses)
	l.Close()
}

// unload ends the scene of that name.
func (s *scenes) unload(name string) (SceneInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byName[name]
	if l == nil {
		return SceneInfo{}, s.unknown(name)
	}
	delete(s.byName, name)
	info := l.info()
	info.Unloaded = true
	s.end(l)
	return info, nil
}

// close ends all scenes. Later ones are refused.
func (s *scenes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.byName {
		s.end(l)
	}
	clear(s.byName)
}

// list returns all scenes, sorted by name, one that was replaced behind the newer one.
func (s *scenes) list() []SceneInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]SceneInfo, 0, len(s.byName)+len(s.ended))
	for _, l := range s.byName {
		infos = append(infos, l.info())
	}
	for l := range s.ended {
		infos = append(infos, l.info())
	}
	slices.SortFunc(infos, func(a, b SceneInfo) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return b.Loaded.Compare(a.Loaded)
	})
	return infos
}

// info describes l. scenes.mu is held.
func (l *loadedScene) info() SceneInfo {
	o, m := l.Options(), l.Memory()
	i := SceneInfo{Name: l.name, Backgrounds: l.Backgrounds(), Places: l.places, Walk: o.Walk.String(), Movable: o.Movable, Transparent: o.Transparent,
		Bytes: m.Pool + m.Tables, Users: l.users, Loaded: l.loaded, Unloaded: l.unloaded}
	i.Width, i.Height = l.Size()
	return i
}

// held calls f with what each scene holds.
func (s *scenes) held(f func(scene.Memory)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.byName {
		f(l.Memory())
	}
	for l := range s.ended {
		f(l.Memory())
	}
}

// leased returns what scenes, and those that are being loaded, hold of the pool.
func (s *scenes) leased() (n int64) {
	s.held(func(m scene.Memory) { n += m.Pool })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, bytes := range s.loading {
		n += bytes
	}
	return n
}

// tables returns what scenes hold beside the pool.
func (s *scenes) tables() (n int64) {
	s.held(func(m scene.Memory) { n += m.Tables })
	return n
}

// stats counts the scenes.
func (s *scenes) stats() metrics.SceneStats {
	bytes := s.leased() + s.tables()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := metrics.SceneStats{Loaded: len(s.byName), Unloaded: len(s.ended), Bytes: bytes}
	for _, l := range s.byName {
		st.Users += l.users
	}
	for l := range s.ended {
		st.Users += l.users
	}
	return st
}

// newLoaded returns s as the scene of that name, which is not known yet.
func newLoaded(name string, s *scene.Scene) *loadedScene {
	l := &loadedScene{Scene: s, name: name, loaded: time.Now(), affine: s.Affine(), uses: entry{scene: s}}
	for i := range s.Backgrounds() {
		l.places = max(l.places, s.Places(i))
		l.expected = max(l.expected, s.ExpectedBytes(i))
	}
	return l
}

// Scenes returns the scenes, sorted by name.
func (e *Engine) Scenes() []SceneInfo { return e.scenes.list() }

// UnloadScene ends a scene for new users. Its memory is given back with the last user. The error is NotFound.
func (e *Engine) UnloadScene(name string) (SceneInfo, error) { return e.scenes.unload(name) }

// LoadSceneDir loads the scene of a folder of the server's own. It is for the start: it takes no turn.
func (e *Engine) LoadSceneDir(ctx context.Context, name, dir string) error {
	s, err := scenedir.Load(ctx, dir, e.Pool, e.scenes.max-e.scenes.leased()-e.scenes.tables())
	if err != nil {
		return e.sceneFault(err)
	}
	if err := e.scenes.put(newLoaded(name, s)); err != nil {
		s.Close()
		return err
	}
	return nil
}

// SceneLoad is a scene that is being loaded from files that come in. It is for one goroutine.
type SceneLoad struct {
	engine *Engine
	name   string
	upload *scenedir.Upload
	yield  func() error // of the turn
}

// LoadScene begins to load the scene of that name. The caller ends it with Close. The error is Invalid for a name, or Busy
// when there are too many.
func (e *Engine) LoadScene(name string) (*SceneLoad, error) {
	if err := config.CheckSceneName(name); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "scene", Err: err}
	}
	l := &SceneLoad{engine: e, name: name}
	s := e.scenes
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName[name] == nil && len(s.byName)+len(s.loading) >= s.most {
		return nil, s.tooMany()
	}
	s.loading[l] = 0
	l.upload = scenedir.NewUpload(scenedir.UploadOptions{
		Pool: e.Pool, MaxBytes: s.max, MaxPixels: e.Config.Limits.MaxPixels, Pause: func() error { return l.yield() },
	})
	return l, nil
}

// Add adds a file of the scene, in a turn. It borrows data. After an error l can only be closed.
func (l *SceneLoad) Add(ctx context.Context, name string, data []byte) error {
	err := l.inTurn(ctx, func() error { return l.upload.Add(ctx, name, data) })
	if err != nil {
		return err
	}
	return l.count()
}

// inTurn calls f, which may pause, in a turn.
func (l *SceneLoad) inTurn(ctx context.Context, f func() error) error {
	err := l.engine.InTurn(ctx, true, func(yield func() error) error {
		l.yield = yield
		return f()
	})
	return l.engine.sceneFault(err)
}

// count notes what the scene holds so far, and refuses it when all scenes together hold too much.
func (l *SceneLoad) count() error {
	held := l.upload.Held()
	s := l.engine.scenes
	loaded := s.tables()
	s.mu.Lock()
	s.loading[l] = held
	s.mu.Unlock()
	if loaded += s.leased(); loaded > s.max {
		return fault.BusyOf("limits.scene_memory", loaded, s.max, fmt.Sprintf("no room for the scene: it takes %d bytes so far, others have %d: unload some", held, loaded-held))
	}
	return nil
}

// Commit ends the loading: the scene can be used, and takes the place of one of the same name.
func (l *SceneLoad) Commit(ctx context.Context) (SceneInfo, error) {
	var s *scene.Scene
	err := l.inTurn(ctx, func() (err error) {
		s, err = l.upload.Scene()
		return err
	})
	if err != nil {
		return SceneInfo{}, err
	}
	loaded := newLoaded(l.name, s)
	info := loaded.info() // of nobody else yet
	if err := l.engine.scenes.put(loaded); err != nil {
		s.Close()
		return SceneInfo{}, err
	}
	return info, nil
}

// Close ends l, and gives back what it holds unless Commit has made a scene of it. It may be called again.
func (l *SceneLoad) Close() {
	l.upload.Discard()
	s := l.engine.scenes
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.loading, l)
}

// sceneFault returns why a scene could not be loaded.
func (e *Engine) sceneFault(err error) error {
	var memory *scene.MemoryError
	var own *fault.Error
	var file *scenedir.FileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &memory):
		need := memory.Held + memory.Want
		if memory.Max > 0 {
			f := fault.LimitOf("limits.scene_memory", need, memory.Max, "the scene is too large")
			f.Err = err
			return f
		}
		st := e.Pool.Stats()
		f := fault.BusyOf("limits.memory_budget", st.Admitted+memory.Want, st.Budget,
			fmt.Sprintf("no memory for the scene: background %d needs %d bytes beside %d that the scene has, and %d are free", memory.Background, memory.Want, memory.Held, max(0, st.Budget-st.Admitted)))
		f.Err = err
		return f
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, pool.ErrBudget):
		return fault.From(err)
	case errors.As(err, &file):
		return &fault.Error{Kind: fault.Invalid, Field: "file", Err: err}
	}
	return &fault.Error{Kind: fault.Invalid, Field: "scene", Err: err}
}
