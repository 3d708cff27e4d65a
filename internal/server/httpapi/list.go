package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// streamList is the list of streams.
type streamList struct {
	Streams  []entry    `json:"streams"`
	Matching int        `json:"matching"` // streams that match, of which the list may have fewer
	Offset   int        `json:"offset"`   // how many of them stand before those of the list
	Totals   listTotals `json:"totals"`
}

// streams serves the list of streams, of those that the caller may view, as JSON.
func (h *viewers) streams(w http.ResponseWriter, r *http.Request) error {
	o, err := parseListQuery(r.URL.Query())
	if err != nil {
		return err
	}
	id := auth.From(r.Context())
	infos := id.Infos(h.hub)
	list := streamList{Totals: totalsFor(id, infos)}
	infos, list.Matching, list.Offset = o.choose(infos)
	list.Streams = make([]entry, len(infos))
	for i := range infos {
		list.Streams[i] = entryFor(id, &infos[i])
	}
	return writeJSON(w, list)
}

// stream serves one stream of that list.
func (h *viewers) stream(w http.ResponseWriter, r *http.Request, name string) error {
	info, err := h.info(r, name)
	if err != nil {
		return err
	}
	return writeJSON(w, entryFor(auth.From(r.Context()), &info))
}

// entryFor is newEntry for a caller: who has but a link does not see who else watches, and where images come from.
func entryFor(id *auth.Identity, i *stream.Info) entry {
	e := newEntry(i)
	if id.IsLink() {
		e.Source, e.Node, e.Via, e.Viewers = "", "", "", []viewerEntry{}
	}
	return e
}

// entry is a stream in the list. Rates are of the last two seconds or so, in hertz.
type entry struct {
	Name       string        `json:"name"`
	State      string        `json:"state"` // "waiting" for its first frame, "online" or "offline"
	Since      string        `json:"since"` // of the state
	Source     string        `json:"source"`
	Format     string        `json:"format"`
	Node       string        `json:"node,omitempty"`     // of the cluster, that has its publisher; none where that is here
	Hops       int           `json:"hops,omitempty"`     // from that node to this one; none while nobody watches it here
	Via        string        `json:"via,omitempty"`      // the node that this one takes it from
	AgeMS      *float64      `json:"age_ms,omitempty"`   // of the newest image of another node, when it arrived here
	Lost       string        `json:"lost,omitempty"`     // why the source is lost, while it is
	RetryAt    string        `json:"retry_at,omitempty"` // when a lost source is tried again
	Width      int           `json:"width"`              // of the images
	Height     int           `json:"height"`
	FPSIn      float64       `json:"fps_in"`
	FPSOut     float64       `json:"fps_out"`
	Arrived    uint64        `json:"arrived"`   // frames
	Published  uint64        `json:"published"` // images
	Same       uint64        `json:"same"`      // images equal to the one before
	Dropped    droppedFrames `json:"dropped"`
	ImageBytes int           `json:"image_bytes"` // of the newest
	Sound      *soundEntry   `json:"sound,omitempty"`
	Viewers    []viewerEntry `json:"viewers"`
}

// soundEntry is the sound of a stream in the list.
type soundEntry struct {
	Rate      int `json:"rate"`
	Channels  int `json:"channels"`
	Listeners int `json:"listeners"`
}

// droppedFrames counts the frames that became no image, by reason.
type droppedFrames struct {
	Newer    uint64 `json:"newer"`
	Capped   uint64 `json:"capped"`
	Unseen   uint64 `json:"unseen"`
	NoMemory uint64 `json:"no_memory"`
	Failed   uint64 `json:"failed"`
}

// viewerEntry is a viewer of a stream in the list.
type viewerEntry struct {
	ID        uint64  `json:"id"`
	Transport string  `json:"transport"`
	Peer      string  `json:"peer"`
	Since     string  `json:"since"`
	FPS       float64 `json:"fps"`
	Delivered uint64  `json:"delivered"`
	Dropped   uint64  `json:"dropped"` // images that it was never given
	LagMS     float64 `json:"lag_ms"`  // from when a frame arrives to when its image is delivered
	Bytes     uint64  `json:"bytes"`
}

func newEntry(i *stream.Info) entry {
	e := entry{
		Name: i.Name, State: i.State.String(), Since: formatTime(i.Since), Source: i.Source, Format: i.Format, Width: i.Width, Height: i.Height,
		FPSIn: round(i.FPSIn), FPSOut: round(i.FPSOut), Arrived: i.Arrived, Published: i.Published, Same: i.Same,
		Dropped: droppedFrames{
			Newer: i.Dropped[stream.Newer], Capped: i.Dropped[stream.Capped], Unseen: i.Dropped[stream.Unseen],
			NoMemory: i.Dropped[stream.NoMemory], Failed: i.Dropped[stream.Failed],
		},
		ImageBytes: i.ImageBytes, Viewers: []viewerEntry{},
	}
	e.Node, e.Hops, e.Via, e.AgeMS = i.Node, i.Hops, i.Via, ageOf(i)
	if i.Lost != "" {
		e.Lost, e.RetryAt = i.Lost, formatTime(i.RetryAt)
	}
	if i.Sound.Rate > 0 {
		e.Sound = &soundEntry{i.Sound.Rate, i.Sound.Channels, i.Listeners}
	}
	for _, v := range i.Viewers {
		e.Viewers = append(e.Viewers, viewerEntry{
			ID: v.ID, Transport: v.Transport, Peer: v.Peer, Since: formatTime(v.Since), FPS: round(v.FPS), Delivered: v.Delivered, Dropped: v.Dropped,
			LagMS: round(float64(v.Lag) / float64(time.Millisecond)), Bytes: v.Bytes,
		})
	}
	return e
}

// formatTime writes t as RFC 3339 has it, with milliseconds.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// round rounds to two decimals.
func round(v float64) float64 { return math.Round(v*100) / 100 }

// writeJSON responds with v.
func writeJSON(w http.ResponseWriter, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	data = append(data, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Cache-Control", "no-store")
	if _, err := w.Write(data); err != nil {
		return unwritten(err)
	}
	return nil
}
