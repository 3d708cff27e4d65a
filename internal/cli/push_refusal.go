package cli

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// PushRefusedError is why the server does not take a stream, when trying again would not help.
type PushRefusedError struct {
	Status string // "409 Conflict", or what else is wrong: "not an HTTP server"
	Detail string // what the server says; may be empty
	Advice string // what to do; may be empty

	code   int    // of the response; 0 without one
	server string // that refuses it, where there are several
}

func (e *PushRefusedError) Error() string {
	s := cmp.Or(e.server, "the server") + " refuses the stream (" + e.Status + ")"
	for _, text := range []string{e.Detail, e.Advice} {
		if text != "" {
			s += ": " + text
		}
	}
	return s
}

// passing are the refusals that may be over soon. All others between 400 and 499 last.
var passing = map[int]bool{http.StatusRequestTimeout: true, http.StatusTooEarly: true, http.StatusTooManyRequests: true}

// advices say what to do about a response that lasts.
var advices = map[int]string{
	http.StatusForbidden:             "use a token that may publish this stream",
	http.StatusNotFound:              "check the URL: it names the HTTP listener of a steadyframe server",
	http.StatusMethodNotAllowed:      "check the URL: it names the HTTP listener of a steadyframe server",
	http.StatusConflict:              "choose another name with --stream, or stop the other publisher",
	http.StatusRequestEntityTooLarge: "send smaller frames, or raise the server's limits",
	http.StatusUnsupportedMediaType:  "give --format and --size for raw frames, or send Y4M or JPEGs",
}

// answered returns what a response says was wrong, a *PushRefusedError when it will not be better, nil when all was well.
func (r *pushRun) answered(response *http.Response) error {
	code := response.StatusCode
	if code == http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse)) // It is well all the same.
		var well struct{ Failed int64 }
		if json.Unmarshal(data, &well) == nil {
			r.meter.failed.Add(well.Failed)
		}
		return nil
	}
	refused := &PushRefusedError{Status: response.Status, Detail: detail(response), Advice: advices[code], code: code}
	switch {
	case code == http.StatusUnauthorized && r.Token == "":
		refused.Advice = "give the server's token with --token or STEADYFRAME_AUTH_TOKEN"
	case code == http.StatusUnauthorized:
		refused.Advice = "the token is not the server's"
	case code >= 300 && code < 400:
		refused.Advice = "push to the URL that it redirects to"
		if to := response.Header.Get("Location"); to != "" {
			refused.Advice = "push to the URL that it redirects to, " + to
		}
	case code >= 400 && code < 500 && !passing[code]:
	default:
		return fmt.Errorf("the server says %s: %s", response.Status, refused.Detail)
	}
	return refused
}

// refusal returns err as a *PushRefusedError, when there is no sense in trying again to reach the server.
func (t *PushTarget) refusal(err error) error {
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &untrusted):
		return &PushRefusedError{
			Status: "its certificate is not trusted", Detail: untrusted.Err.Error(),
			Advice: trustAdvice,
		}
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &notTLS):
		return &PushRefusedError{Status: "no HTTPS", Advice: plainAdvice}
	case notHTTP(err):
		return &PushRefusedError{Status: "no HTTP/1.1 server", Advice: portAdvice}
	}
	return err
}
