package auth

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// Origins decides which web pages may use the HTTP APIs: those of the server itself, and those whose origins
// http.cors_origins lists. It does not concern programs other than browsers. Its methods may be called from any
// goroutine.
type Origins struct {
	listed     config.Origins
	protection *http.CrossOriginProtection
}

// NewOrigins returns an Origins for that setting.
func NewOrigins(listed config.Origins) *Origins {
	return &Origins{listed: listed, protection: http.NewCrossOriginProtection()}
}

// All is true if pages of all origins may use the API.
func (o *Origins) All() bool { return slices.Contains(o.listed, "*") }

// Lists reports whether pages of that origin, which is not the server's own, may use the API.
func (o *Origins) Lists(origin string) bool {
	return origin != "" && (o.All() || slices.Contains(o.listed, origin))
}

// ListsReferrer reports whether pages of the origin that r says it comes from may use the API, by what http.cors_origins lists.
func (o *Origins) ListsReferrer(r *http.Request) bool {
	return len(o.listed) > 0 && o.Lists(Referrer(r))
}

// Check returns a *fault.Error of kind Forbidden for a request that a page of another origin makes which is not listed.
// It is for requests that change or cost something, also with GET: an <img> on a foreign page makes its reader a
// viewer. Navigation by the user is allowed.
func (o *Origins) Check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if o.All() || o.Lists(origin) {
		return nil
	}
	changing := *r
	changing.Method = http.MethodPost // For other methods http.CrossOriginProtection allows everything.
	if o.protection.Check(&changing) == nil {
		return nil
	}
	if origin == "" && reads(r) {
		if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
			return nil
		}
		// An <img> without crossorigin has no Origin. A page can leave Referer out but not forge it.
		if origin = Referrer(r); o.Lists(origin) {
			return nil
		}
	}
	if origin == "" {
		origin = "another origin"
	}
	return fault.Errorf(fault.Forbidden, "the request comes from a web page of %.100s: pages of other origins need theirs in http.cors_origins", origin)
}

func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// Referrer returns the origin of the page that r says it comes from, or "".
func Referrer(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
