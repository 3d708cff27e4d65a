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

// writeFault responds with the problem document of f.
func writeFault(w http.ResponseWriter, f *fault.Error) {
	code, title := status(f.Kind)
	p := problem{
		Type: "urn:steadyframe:problem:" + f.Kind.String(), Title: title, Status: code, Detail: f.Error(),
		Field: f.Field, Limit: f.Limit, Got: f.Got, Max: f.Max,
	}
	if p.RetryAfter = f.RetrySeconds(); p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	writeProblem(w, p)
}

// writeProblem responds with p.
func writeProblem(w http.ResponseWriter, p problem) {
	data, err := json.Marshal(p)
	if err != nil {
		data = []byte("{}") // It has strings and numbers alone.
	}
	data = append(data, '\n') // for terminals
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(data) // If it fails, the caller has disconnected.
}
