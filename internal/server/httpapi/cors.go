package httpapi

import (
	"net/http"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// exposedHeaders are those of responses that pages of other origins may read beside the ones that they always may.
const exposedHeaders = "ETag, Retry-After, X-Timestamp, X-Steadyframe-Height, X-Steadyframe-Online, X-Steadyframe-Width"

// Values of headers that all responses have. Nothing changes them.
var noSniff, sameOrigin = []string{"nosniff"}, []string{"same-origin"}

// setSecurityHeaders says to browsers which pages may use the response: those of the server itself, and of the origins that
// http.cors_origins lists.
func setSecurityHeaders(h http.Header, r *http.Request, pages *auth.Origins) {
	h["X-Content-Type-Options"], h["Cross-Origin-Resource-Policy"] = noSniff, sameOrigin
	origin := r.Header.Get("Origin")
	switch {
	case pages.All():
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", "*")
	case pages.Lists(origin):
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	case origin == "" && pages.ListsReferrer(r): // an <img> without crossorigin
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return
	default:
		return
	}
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// frameAncestors returns who may show the page in a frame, as Content-Security-Policy has it.
func frameAncestors(listed config.Origins) string {
	return strings.Join(append([]string{"'self'"}, listed...), " ")
}

// setPreflightHeaders tells a browser that asks what pages of another origin may do (the Fetch standard, CORS protocol).
func setPreflightHeaders(h http.Header, r *http.Request, pages *auth.Origins, methods string) {
	if r.Header.Get("Access-Control-Request-Method") == "" || !pages.All() && !pages.Lists(r.Header.Get("Origin")) {
		return
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
}
