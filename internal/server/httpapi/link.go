package httpapi

import (
	"net/http"
	"net/url"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// makeLink serves POST /v1/links?stream=NAME&for=24h: it signs a link. Who asks must be allowed to view all that it shows, beside the
// scope admin: a link may last longer than what allowed its caller to ask for it.
func (h *Handler) makeLink(w *writer, r *http.Request) error {
	q := r.URL.Query()
	glob, length := q.Get("stream"), q.Get("for")
	if err := config.CheckGlob(glob); err != nil {
		return fieldError("stream", err.Error())
	}
	d, err := time.ParseDuration(length)
	if err != nil || d < time.Second || d > auth.LongestLink {
		return badParameter("for", length, "how long the link is good, such as 24h or 30m, from 1s to "+auth.LongestLink.String())
	}
	id := auth.From(r.Context())
	if err := id.MayCover(config.View, glob); err != nil {
		return err
	}
	until := time.Now().Add(d).Truncate(time.Second)
	link, err := h.auth.Sign(glob, until)
	if err != nil {
		return fault.From(err)
	}
	id.Did("link", glob, r.RemoteAddr, nil)
	return writeJSON(w, struct {
		Stream string `json:"stream"`
		Link   string `json:"link"`
		Query  string `json:"query"` // what is put behind the ? of a URL
		Until  string `json:"until"`
	}{glob, link, url.Values{auth.LinkParameter: {link}}.Encode(), until.UTC().Format(time.RFC3339)})
}
