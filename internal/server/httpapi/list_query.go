package httpapi

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// listQuery says which streams of the list a client asks for, and in which order. Without parameters that is all, by name.
type listQuery struct {
	search string // what their names have in them, in capitals or not
	order  string // one of listOrders
	limit  int    // how many at most
	offset int    // how many of those that match are left out before
	near   string // the stream that is in their middle, or would be; empty: offset counts
}

// listOrders compare streams; those that are equal are in the order of their names.
var listOrders = map[string]func(a, b *stream.Info) int{
	"name":    func(_, _ *stream.Info) int { return 0 },
	"state":   func(a, b *stream.Info) int { return cmp.Compare(urgency(a.State), urgency(b.State)) },
	"viewers": func(a, b *stream.Info) int { return cmp.Compare(len(b.Viewers), len(a.Viewers)) },
	"fps":     func(a, b *stream.Info) int { return cmp.Compare(math.Round(b.FPSIn), math.Round(a.FPSIn)) },
}

// urgency puts streams whose source is lost first, then those that wait for one.
func urgency(s stream.State) int {
	return slices.Index([]stream.State{stream.Offline, stream.Waiting, stream.Online}, s)
}

func parseListQuery(q url.Values) (listQuery, error) {
	o := listQuery{search: strings.ToLower(q.Get("search")), order: cmp.Or(q.Get("order"), "name"), limit: math.MaxInt, near: q.Get("near")}
	for name, value := range map[string]*int{"limit": &o.limit, "offset": &o.offset} {
		s := q.Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return o, badParameter(name, s, "a number of streams, 0 or more")
		}
		*value = int(n)
	}
	switch {
	case listOrders[o.order] == nil:
		return o, badParameter("order", o.order, "name, state, viewers or fps")
	case o.near != "" && stream.CheckName(o.near) != nil:
		return o, badParameter("near", o.near, "the name of a stream")
	case o.near != "" && (o.order != "name" || q.Get("offset") != ""):
		return o, badParameter("near", o.near, "it without order and offset: the streams near one are those before and after it by name")
	}
	return o, nil
}

// choose returns those of infos, which are sorted by name and change, that are asked for, how many match, and how many of these stand
// before.
func (o *listQuery) choose(infos []stream.Info) (chosen []stream.Info, matching, offset int) {
	if o.search != "" {
		infos = slices.DeleteFunc(infos, func(i stream.Info) bool { return !strings.Contains(strings.ToLower(i.Name), o.search) })
	}
	if o.order != "name" {
		order := listOrders[o.order]
		slices.SortStableFunc(infos, func(a, b stream.Info) int { return order(&a, &b) })
	}
	matching, offset = len(infos), o.offset
	if o.near != "" {
		at, _ := slices.BinarySearchFunc(infos, o.near, func(i stream.Info, name string) int { return strings.Compare(i.Name, name) })
		offset = max(at-o.limit/2, 0)
	}
	offset = min(offset, matching)
	return infos[offset:min(offset+min(o.limit, matching), matching)], matching, offset
}

// listTotals are sums over all streams that a client may view, whichever it asks for.
type listTotals struct {
	Streams int     `json:"streams"`
	Online  int     `json:"online"`
	FPSOut  float64 `json:"fps_out"`
	Viewers int     `json:"viewers"`
	Remote  int     `json:"remote"` // streams of other nodes
	Nodes   int     `json:"nodes"`  // other nodes that have some
}

// totalsFor returns the sums for a caller: who has but a link does not see who else watches, and where images come from.
func totalsFor(id *auth.Identity, infos []stream.Info) listTotals {
	t := listTotals{Streams: len(infos)}
	nodes := map[string]bool{}
	for i := range infos {
		s := &infos[i]
		t.FPSOut += s.FPSOut
		if s.State == stream.Online {
			t.Online++
		}
		if id.IsLink() {
			continue
		}
		t.Viewers += len(s.Viewers)
		if s.Node != "" {
			t.Remote++
			nodes[s.Node] = true
		}
	}
	t.FPSOut, t.Nodes = round(t.FPSOut), len(nodes)
	return t
}
