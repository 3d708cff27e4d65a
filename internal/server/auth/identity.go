package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// Identity is who a client is, and what it may do. A Checker makes it, the context of a request has it (With, From), and whatever
// serves the request asks it. A nil Identity may do everything: it is that of clients where nobody must say who they are, and of
// the server itself. Its methods may be called from any goroutine.
//
// An API that shows streams needs three calls: Checker.Identify with what the client sent, then View or Listen in place of those of
// the Hub. What a link allowed ends when Expires says.
type Identity struct {
	name    string // for logs and messages: "token cam1", "link cam*"
	owner   string // what its places are counted by; "": they are not
	scopes  config.Scopes
	expires time.Time // zero: never
	node    bool      // it is a node of the cluster
	record  *record   // nil: nothing of it is logged
}

// String returns the identity as logs and messages name it.
func (i *Identity) String() string {
	if i == nil {
		return "anybody"
	}
	return i.name
}

// IsNode reports whether the client is a node of the cluster: it showed cluster.token.
func (i *Identity) IsNode() bool { return i != nil && i.node }

// Owner returns what its places are counted by, for stream.ViewerOptions, stream.PublisherOptions and engine.Open. It is empty where
// they are not: of the one token that may do everything, of nodes of the cluster, and of users of this machine.
func (i *Identity) Owner() string {
	if i == nil {
		return ""
	}
	return i.owner
}

// Expires returns when what the client began must end, as that of a link does; not all do.
func (i *Identity) Expires() (at time.Time, ok bool) {
	if i == nil {
		return time.Time{}, false
	}
	return i.expires, !i.expires.IsZero()
}

// IsLink reports whether a link is all that the client has: it may see images, and not who else does.
func (i *Identity) IsLink() bool {
	_, ok := i.Expires()
	return ok
}

// Until returns a context that ends with ctx, or when what the client began must end. Its cause is a *fault.Error then. cancel frees
// what it holds.
func (i *Identity) Until(ctx context.Context) (until context.Context, cancel context.CancelFunc) {
	at, ok := i.Expires()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, at, errExpired(at))
}

// errExpired is why a link does not do any more.
func errExpired(at time.Time) error {
	return fault.Errorf(fault.Unauthorized, "the link was valid until %s, which is over: ask for another one", at.UTC().Format(time.RFC3339))
}

// May returns nil if the client may do so, with the stream of that name, which is empty for other actions than publish and view,
// else a *fault.Error of kind Forbidden that names the scope. A name that no stream can have is Invalid.
func (i *Identity) May(a config.Action, name string) error {
	if i == nil || i.scopes.Allow(a, name) {
		return nil
	}
	if a == config.Publish || a == config.View {
		if err := stream.CheckName(name); err != nil { // No scope can name it.
			return fault.From(err)
		}
	}
	return i.lacks(config.Scope{Action: a, Glob: name})
}

// MayCover is May for all streams whose names match a glob, which is valid.
func (i *Identity) MayCover(a config.Action, glob string) error {
	if i == nil || i.scopes.Allow(a, glob) {
		return nil
	}
	return i.lacks(config.Scope{Action: a, Glob: glob})
}

// lacks is why the client may not do what that scope allows.
func (i *Identity) lacks(want config.Scope) error {
	return fault.Errorf(fault.Forbidden, "%s lacks the scope %s: it has %s", i, want, i.has())
}

// has names the scopes that the client has.
func (i *Identity) has() string { return cmp.Or(i.scopes.String(), "none") }

// MayAny returns nil if the client has a scope of one of those actions, for whatever stream, else a *fault.Error of kind Forbidden.
func (i *Identity) MayAny(actions ...config.Action) error {
	if i == nil || slices.ContainsFunc(actions, i.scopes.Has) {
		return nil
	}
	want := ""
	for n, a := range actions {
		if n > 0 {
			want += " or "
		}
		want += string(a)
		if a == config.Publish || a == config.View {
			want += ":NAME"
		}
	}
	return fault.Errorf(fault.Forbidden, "%s lacks the scope %s: it has %s", i, want, i.has())
}

// Sees reports whether the client may view a stream, without a message.
func (i *Identity) Sees(name string) bool { return i == nil || i.scopes.Allow(config.View, name) }

// View is Hub.View for what the client may view, with its places counted. The error is a *fault.Error; it names no stream that the
// client may not see.
func (i *Identity) View(h *stream.Hub, name string, o stream.ViewerOptions) (*stream.Viewer, error) {
	if err := i.May(config.View, name); err != nil {
		i.Did(config.View, name, o.Peer, err)
		return nil, err
	}
	o.Owner = i.Owner()
	v, err := h.View(name, o)
	if err != nil {
		return nil, i.hide(err)
	}
	if o.Transport != "snapshot" { // Who polls them would fill the log.
		i.Did(config.View, name, o.Peer, nil)
	}
	return v, nil
}

// Listen is Hub.Listen as View is Hub.View.
func (i *Identity) Listen(h *stream.Hub, name string, wake chan struct{}) (*stream.Listener, error) {
	if err := i.May(config.View, name); err != nil {
		return nil, err
	}
	l, err := h.ListenAs(i.Owner(), name, wake)
	if err != nil {
		return nil, i.hide(err)
	}
	return l, nil
}

// Infos returns the streams that the client may view, sorted by name.
func (i *Identity) Infos(h *stream.Hub) []stream.Info {
	return slices.DeleteFunc(h.Everywhere(nil), func(info stream.Info) bool { return !i.Sees(info.Name) })
}

// Info returns a stream that the client may view. The error is as of View.
func (i *Identity) Info(h *stream.Hub, name string) (stream.Info, error) {
	if err := i.May(config.View, name); err != nil {
		return stream.Info{}, err
	}
	if info, ok := h.Info(name); ok && info.Fed != stream.Unfed {
		return info, nil
	}
	missing := &stream.NotFoundError{Name: name}
	for _, info := range i.Infos(h) {
		if info.Name == name {
			return info, nil
		}
		missing.Names = append(missing.Names, info.Name)
	}
	return stream.Info{}, fault.From(missing)
}

// hide returns err as a *fault.Error, without the names of streams that the client may not see.
func (i *Identity) hide(err error) error {
	var missing *stream.NotFoundError
	if errors.As(err, &missing) {
		missing.Names = slices.DeleteFunc(missing.Names, func(name string) bool { return !i.Sees(name) })
	}
	return fault.From(err)
}

// identityKey is where a context has its Identity.
type identityKey struct{}

// With returns a context for what the client i asks for.
func With(ctx context.Context, i *Identity) context.Context {
	if i == nil {
		return ctx
	}
	return context.WithValue(ctx, identityKey{}, i)
}

// From returns the Identity of a context, nil when it has none.
func From(ctx context.Context) *Identity {
	i, _ := ctx.Value(identityKey{}).(*Identity)
	return i
}
