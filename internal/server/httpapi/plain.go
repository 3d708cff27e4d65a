package httpapi

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// plainPage is what the page sends browsers without JavaScript to: links to the streams, as MJPEG and as one image.
var plainPage = template.Must(template.New("plain").Parse(`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Streams · Steadyframe</title>
  <link rel="stylesheet" href="assets/theme.css">
  <link rel="stylesheet" href="assets/plain.css">
</head>
<body>
  <main>
    <h1>Streams</h1>
    {{- if .Streams}}
    <ul>
      {{- range .Streams}}
      <li><a href="stream/{{.Name}}.mjpg{{$.Query}}">{{.Name}}</a> {{.State}} <a href="snapshot/{{.Name}}.jpg{{$.Query}}">newest image of {{.Name}}</a></li>
      {{- end}}
    </ul>
    {{- else}}
    <p>No streams yet.</p>
    {{- end}}
    <p>These are MJPEG, which every browser shows. The <a href=".">page with all of them live</a> needs JavaScript.</p>
  </main>
</body>
</html>
`))

// plainPolicy is the page's Content-Security-Policy without who may frame it: style sheets of this server, and no script.
const plainPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "

// plain serves GET /plain.
func (h *Handler) plain(w *writer, r *http.Request) error {
	page := struct {
		Streams []entry
		Query   template.URL
	}{}
	infos := auth.From(r.Context()).Infos(h.live.Hub)
	for i := range infos {
		page.Streams = append(page.Streams, newEntry(&infos[i]))
	}
	for _, parameter := range []string{"access_token", auth.LinkParameter} { // What is on the page needs it too.
		if secret := r.URL.Query().Get(parameter); secret != "" {
			page.Query = template.URL("?" + url.Values{parameter: {secret}}.Encode())
		}
	}
	var b bytes.Buffer
	if err := plainPage.Execute(&b, page); err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", plainPolicy+frameAncestors(h.engine.Config.HTTP.FrameAncestors))
	header.Set("Referrer-Policy", "no-referrer") // the token is in the address
	if _, err := b.WriteTo(w); err != nil {
		return unwritten(err)
	}
	return nil
}
