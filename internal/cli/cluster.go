package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClusterStatus asks one node of a cluster what it knows of all of them.
type ClusterStatus struct {
	Endpoint
	Token   string // what the server wants, if anything
	Timeout time.Duration
	All     bool // all streams are shown, not the first mostStreams
}

// mostStreams is how many streams a reader is shown who did not ask for all.
const mostStreams = 50

// maxCluster bounds the response: 100,000 streams take about a quarter of it.
const maxCluster = 128 << 20

// clusterReport is what GET /v1/cluster responds with, as far as it is shown.
type clusterReport struct {
	Time      time.Time       `json:"time"`
	Cluster   string          `json:"cluster"`
	Node      string          `json:"node"` // that was asked
	Directory directoryReport `json:"directory"`
	Nodes     []nodeReport    `json:"nodes"`
	Streams   []streamReport  `json:"streams"`
}

type directoryReport struct {
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason"`
	Refused   int64     `json:"refused"`
	Expired   int64     `json:"expired"`
	Conflicts int64     `json:"conflicts"`
}

type nodeReport struct {
	Name      string    `json:"name"`
	Address   string    `json:"address"`
	Version   string    `json:"version"`
	State     string    `json:"state"`
	Reason    string    `json:"reason"` // why nothing is heard of it
	Started   time.Time `json:"started"`
	Age       *float64  `json:"age_ms"` // since it was heard last; nil: never
	Self      bool      `json:"self"`
	Streams   int       `json:"streams"`
	Viewers   int       `json:"viewers"`
	Pulls     int       `json:"pulls"`
	QueueWait float64   `json:"queue_wait_ms"`
}

type streamReport struct {
	Name    string   `json:"name"`
	Node    string   `json:"node"`
	State   string   `json:"state"`
	FPS     float64  `json:"fps"`
	Format  string   `json:"format"`
	Viewers int      `json:"viewers"` // of the node that was asked
	Hops    int      `json:"hops"`    // from its own node to that; 0: it is the same, or nobody watches it there
	Via     string   `json:"via"`
	Age     *float64 `json:"age_ms"` // of the newest image, when it arrived there
}

// WriteJSON writes what the server responds with, indented, for programs. The error is for the user as it is.
func (c *ClusterStatus) WriteJSON(ctx context.Context, w io.Writer) error {
	data, err := c.get(ctx)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(data), "", "  "); err != nil {
		return c.unreadable(err)
	}
	indented.WriteByte('\n')
	_, err = w.Write(indented.Bytes())
	return err
}

// Write writes tables for a person. The error is for the user as it is.
func (c *ClusterStatus) Write(ctx context.Context, w io.Writer) error {
	data, err := c.get(ctx)
	if err != nil {
		return err
	}
	var r clusterReport
	if err := json.Unmarshal(data, &r); err != nil {
		return c.unreadable(err)
	}
	return r.write(w, c.All)
}

// unreadable is an error for a response that is not what it should be.
func (c *ClusterStatus) unreadable(err error) error {
	return fmt.Errorf("%s does not send the state of a cluster: %w: check the URL, and the server's version", c, err)
}

// get returns the response.
func (c *ClusterStatus) get(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("%s did not respond within %v", c, c.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/v1/cluster").String(), nil)
	if err != nil {
		return nil, usagef("the URL: %w", err)
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := c.transport().RoundTrip(request)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, c.notReached(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, c.refused(response)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxCluster+1))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("the response of %s broke off: %s", c, c.reachError(err))
	case len(data) > maxCluster:
		return nil, fmt.Errorf("%s sends more than %d MiB, which is not the state of a cluster", c, maxCluster>>20)
	}
	return data, nil
}

// refused returns why the server does not say.
func (c *ClusterStatus) refused(response *http.Response) error {
	text := fmt.Sprintf("%s does not show its cluster (%s)", c, response.Status)
	why := detail(response)
	if why != "" {
		text += ": " + printableText(why)
	}
	switch response.StatusCode {
	case http.StatusUnauthorized:
		text += ": give the server's token with --token or STEADYFRAME_AUTH_TOKEN"
	case http.StatusForbidden:
		text += ": use a token with the scope admin or view:NAME"
	case http.StatusNotFound:
		if !strings.Contains(why, "cluster") {
			text += ": check the URL, which names the HTTP listener of a steadyframe server, and the server's version"
		}
	}
	return errors.New(text)
}

// write writes r for a person.
func (r *clusterReport) write(w io.Writer, all bool) error {
	out := &stickyWriter{w: w}
	name := "servers of cluster.origins"
	if r.Cluster != "" {
		name = "cluster " + printable(r.Cluster)
	}
	fmt.Fprintf(out, "%s, as the node %s knows them\n", name, printable(r.Node))
	fmt.Fprintf(out, "directory: %s\n\n", r.directory())
	r.writeNodes(out)
	r.writeStreams(out, all)
	if notes := r.notes(); len(notes) > 0 {
		fmt.Fprintln(out)
		for _, n := range notes {
			fmt.Fprintf(out, "note: %s\n", printableText(n))
		}
	}
	return out.err
}

// kinds are the ways in which nodes find each other, as people read them.
var kinds = map[string]string{"embedded": "embedded NATS", "nats": "external NATS", "static": "fixed list of servers (cluster.origins)"}

// directory says how the directory is.
func (r *clusterReport) directory() string {
	d := r.Directory
	text := printable(d.State)
	if !d.Since.IsZero() && d.State != "static" {
		text += " for " + span(r.Time.Sub(d.Since))
	}
	kind := cmp.Or(kinds[d.Kind], printable(d.Kind))
	if d.State == "static" {
		return kind
	}
	return kind + ", " + text
}

// writeNodes writes the nodes, and what they come to.
func (r *clusterReport) writeNodes(w io.Writer) {
	rows := make([][]string, len(r.Nodes))
	viewers := 0
	for i, n := range r.Nodes {
		viewers += n.Viewers
		heard := "never"
		switch {
		case n.Self:
			heard = "asked"
		case n.Age != nil:
			heard = inMilliseconds(*n.Age) + " ago"
		}
		up := "–"
		if !n.Started.IsZero() {
			up = span(r.Time.Sub(n.Started))
		}
		rows[i] = []string{
			n.Name, n.State, n.Address, cmp.Or(n.Version, "–"), up, strconv.Itoa(n.Streams), strconv.Itoa(n.Viewers), strconv.Itoa(n.Pulls),
			inMilliseconds(n.QueueWait), heard,
		}
	}
	_ = writeTable(w, []column{ // w keeps the error
		{"NODE", false}, {"STATE", false}, {"ADDRESS", false}, {"VERSION", false}, {"UP", true}, {"STREAMS", true}, {"VIEWERS", true},
		{"PULLS", true}, {"QUEUE WAIT", true}, {"HEARD", true},
	}, rows)
	fmt.Fprintf(w, "%s, %s\n\n", count(len(r.Nodes), "node"), count(viewers, "viewer"))
}

// writeStreams writes the streams, and how many are online.
func (r *clusterReport) writeStreams(w io.Writer, all bool) {
	if len(r.Streams) == 0 {
		fmt.Fprintln(w, "no streams")
		return
	}
	shown := r.Streams
	if !all && len(shown) > mostStreams {
		shown = shown[:mostStreams]
	}
	rows := make([][]string, len(shown))
	for i, s := range shown {
		rows[i] = []string{s.Name, s.Node, s.State, strconv.FormatFloat(s.FPS, 'f', 1, 64), s.path(r.Node), strconv.Itoa(s.Viewers), s.age(r.Node)}
	}
	_ = writeTable(w, []column{ // w keeps the error
		{"STREAM", false}, {"NODE", false}, {"STATE", false}, {"FPS", true}, {"WAY TO " + strings.ToUpper(printable(r.Node)), false}, {"VIEWERS THERE", true}, {"AGE ON ARRIVAL", true},
	}, rows)
	online := 0
	for _, s := range r.Streams {
		if s.State == "online" {
			online++
		}
	}
	fmt.Fprintf(w, "%s, %d online", count(len(r.Streams), "stream"), online)
	if rest := len(r.Streams) - len(shown); rest > 0 {
		fmt.Fprintf(w, "; %d are not shown: --all shows them", rest)
	}
	fmt.Fprintln(w)
}

// path says how the stream comes to the node that was asked.
func (s *streamReport) path(asked string) string {
	switch {
	case s.Node == asked:
		return "its own"
	case s.Hops == 0:
		return "not pulled"
	case s.Hops == 1:
		return "1 hop"
	}
	return fmt.Sprintf("%d hops, via %s", s.Hops, s.Via)
}

// age says how old its images are when they arrive there.
func (s *streamReport) age(asked string) string {
	if s.Age == nil || s.Node == asked || s.Hops == 0 {
		return "–"
	}
	return inMilliseconds(*s.Age)
}

// notes says what an operator should look at.
func (r *clusterReport) notes() (notes []string) {
	d := r.Directory
	switch {
	case d.State == "frozen":
		notes = append(notes, fmt.Sprintf("%s has had no connection to the directory since %s (%s): what it knows of others is from then. Streams that it pulls go on.",
			r.Node, d.Since.UTC().Format(time.TimeOnly), cmp.Or(d.Reason, "no reason given")))
		if d.Kind == "nats" {
			notes = append(notes, "look whether the servers of cluster.nats run and can be reached from "+r.Node)
		}
	case d.Reason != "":
		notes = append(notes, "the directory: "+d.Reason)
	}
	for _, n := range r.Nodes {
		if n.Reason != "" {
			notes = append(notes, fmt.Sprintf("%s of cluster.origins gives no list of its streams: %s", n.Name, n.Reason))
		}
	}
	if len(r.Nodes) == 1 && d.Kind != "static" {
		notes = append(notes, r.Node+" sees no other node: where there are some, look at cluster.routes, and whether cluster.name and cluster.token are the same on all")
	}
	versions := map[string][]string{}
	for _, n := range r.Nodes {
		if n.Version != "" {
			versions[n.Version] = append(versions[n.Version], n.Name)
		}
	}
	if len(versions) > 1 {
		var of []string
		for _, v := range slices.Sorted(maps.Keys(versions)) {
			of = append(of, v+" on "+strings.Join(versions[v], ", "))
		}
		notes = append(notes, "the nodes run different versions: "+strings.Join(of, "; "))
	}
	if d.Conflicts > 0 {
		notes = append(notes, fmt.Sprintf("streams were published here and on another node at the same time, %d since the start: the later publisher was kept; give each a name of its own",
			d.Conflicts))
	}
	if d.Refused > 0 {
		notes = append(notes, fmt.Sprintf("messages of others were refused, %d since the start: another version or another program speaks in this cluster; the log of %s has more", d.Refused, r.Node))
	}
	return notes
}

// printableText is printable for a line of any length.
func printableText(s string) string {
	var parts []string
	for r := []rune(s); len(r) > 0; r = r[min(len(r), maxCell):] {
		parts = append(parts, printable(string(r[:min(len(r), maxCell)])))
	}
	return strings.Join(parts, "")
}

// span returns a duration as its two largest units: "3 d 2 h", "2 h 14 min", "14 s".
func span(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	units := []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, u := range units {
		if seconds < u.size {
			continue
		}
		text := fmt.Sprintf("%d %s", seconds/u.size, u.name)
		if i+1 < len(units) && seconds%u.size/units[i+1].size > 0 {
			text += fmt.Sprintf(" %d %s", seconds%u.size/units[i+1].size, units[i+1].name)
		}
		return text
	}
	return "0 s"
}

// inMilliseconds returns a number of them with its unit.
func inMilliseconds(ms float64) string {
	switch {
	case ms >= 999.5:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	case ms >= 9.95:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
}

// stickyWriter keeps the first error.
type stickyWriter struct {
	w   io.Writer
	err error
}

// Write is part of io.Writer.
func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(p)
	}
	return len(p), s.err
}
