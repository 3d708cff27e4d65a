package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// problem is a problem document (RFC 9457), with members of our own.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	Field      string `json:"field,omitempty"` // of the request
	Limit      string `json:"limit,omitempty"` // the setting that was exceeded
	Got        int64  `json:"got,omitempty"`   // of Limit
	Max        int64  `json:"max,omitempty"`   // of Limit
	RetryAfter int    `json:"retry_after,omitempty"`
}

// status returns the HTTP status of a kind of failure, and its title.
func status(k fault.Kind) (code int, title string) {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest, "The request is wrong"
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "The request is above a limit"
	case fault.Unsupported:
		return http.StatusUnsupportedMediaType, "The body's form is not known"
	case fault.Unauthorized:
		return http.StatusUnauthorized, "A token is missing or wrong"
	case fault.Forbidden:
		return http.StatusForbidden, "This is not allowed"
	case fault.Misdirected:
		return http.StatusMisdirectedRequest, "This server does not have that name"
	case fault.NotFound:
		return http.StatusNotFound, "There is nothing of that name"
	case fault.Conflict:
		return http.StatusConflict, "Another has it"
	case fault.Offline:
		return http.StatusServiceUnavailable, "The stream has no image now"
	case fault.Busy:
		return http.StatusTooManyRequests, "The server has no room now"
	case fault.Draining:
		return http.StatusServiceUnavailable, "The server is stopping"
	case fault.Deadline:
		return http.StatusGatewayTimeout, "The deadline passed"
	case fault.Slow:
		return http.StatusRequestTimeout, "The body or the response moved too slowly"
	case fault.Canceled:
		return http.StatusBadRequest, "The body broke off" // Otherwise nobody is there to read it.
	}
	return http.StatusInternalServerError, "The server failed"
}

// setChallenge says how a caller shows who it is. Players send the password of a URL only once they are asked for it. A browser,
// which would ask its user, is not: the page does.
func setChallenge(h http.Header, r *http.Request) {
	h.Set("WWW-Authenticate", "Bearer")
	if r.Header.Get("Sec-Fetch-Mode") == "" && !strings.Contains(r.UserAgent(), "Mozilla/") {
		h.Add("WWW-Authenticate", auth.BasicChallenge)
	}
}

// document is a problem document as it is sent. Nothing changes it.
type document struct {
	status     int
	length     []string // the header Content-Length
	retryAfter []string // the header Retry-After; nil: none
	body       []byte
}

// problemType is the header Content-Type of a document.
var problemType = []string{"application/problem+json"}

// documentOf returns the problem document of f.
func documentOf(f *fault.Error) *document {
	code, title := status(f.Kind)
	p := problem{
		Type: "urn:steadyframe:problem:" + f.Kind.String(), Title: title, Status: code, Detail: f.Error(),
		Field: f.Field, Limit: f.Limit, Got: f.Got, Max: f.Max, RetryAfter: f.RetrySeconds(),
	}
	d := p.document()
	if p.RetryAfter > 0 {
		d.retryAfter = []string{strconv.Itoa(p.RetryAfter)}
	}
	return d
}

// document returns p as it is sent.
func (p *problem) document() *document {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}") // It has strings and numbers alone.
	}
	body = append(body, '\n') // for terminals
	return &document{status: p.Status, length: []string{strconv.Itoa(len(body))}, body: body}
}

// write responds with d.
func (d *document) write(w http.ResponseWriter) {
	h := w.Header()
	if d.retryAfter != nil {
		h["Retry-After"] = d.retryAfter
	}
	h["Content-Type"], h["Content-Length"] = problemType, d.length
	w.WriteHeader(d.status)
	_, _ = w.Write(d.body) // If it fails, the caller has disconnected.
}

// writeProblem responds with p.
func writeProblem(w http.ResponseWriter, p problem) { p.document().write(w) }
