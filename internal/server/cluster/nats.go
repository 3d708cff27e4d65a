package cluster

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
)

// natsLine carries messages over a connection to NATS: of a process of its own, or the one inside this node.
type natsLine struct {
	log     *slog.Logger
	options nats.Options
	conn    atomic.Pointer[nats.Conn]
}

const (
	// mostWaiting and mostWaitingBytes bound the messages of one subscription that have come and were not taken. Those beyond are lost.
	mostWaiting      = 8192
	mostWaitingBytes = 16 << 20
	// reconnect is how long a node waits before it connects again.
	reconnect = 250 * time.Millisecond
)

// newLine returns a line to a NATS, with the options that all kinds share.
func newLine(name string, log *slog.Logger) *natsLine {
	o := nats.GetDefaultOptions()
	o.Name, o.RetryOnFailedConnect, o.AllowReconnect, o.MaxReconnect, o.ReconnectWait = "steadyframe "+name, true, true, -1, reconnect
	o.ReconnectBufSize = -1 // What was said while there was no connection is old.
	o.Timeout, o.PingInterval, o.MaxPingsOut = 2*time.Second, time.Second, 2
	o.FlusherTimeout = time.Second
	o.IgnoreAuthErrorAbort = true // Settings of NATS may be mended without a restart here.
	return &natsLine{log: log, options: o}
}

// outside returns a line to a NATS of its own.
func outside(c config.Config, log *slog.Logger) (*natsLine, error) {
	l := newLine(c.Cluster.NodeName(), log)
	own, err := conn.PeerTLS(c, log)
	if err != nil {
		return nil, err
	}
	l.options.TLSConfig = own
	for server := range strings.SplitSeq(c.Cluster.NATS, ",") {
		u, err := url.Parse(server)
		if err != nil {
			return nil, errors.New("cluster.nats: " + redact.Text(err.Error(), server))
		}
		if u.User != nil && u.User.Username() == "" { // ":TOKEN@", which NATS has without the colon.
			token, _ := u.User.Password()
			u.User = url.User(token)
		}
		if l.options.Secure = l.options.Secure || u.Scheme == "tls"; u.Scheme != "tls" && config.Exposed(u.Host) {
			log.Warn("the directory of the cluster crosses the network unencrypted, unless NATS demands TLS", "setting", "cluster.nats", "server", redact.URL(server))
		}
		l.options.Servers = append(l.options.Servers, u.String())
	}
	return l, nil
}

// Run is that of Transport. Subscriptions have goroutines of their own.
func (l *natsLine) Run(ctx context.Context, subjects []string, hear func(string, []byte), lost func(error)) error {
	ended := make(chan struct{})
	o := l.options
	o.DisconnectedErrCB = func(_ *nats.Conn, err error) {
		if ctx.Err() != nil {
			return // It is this node that ends.
		}
		if err == nil {
			err = errors.New("NATS closed the connection")
		}
		lost(l.reason(err))
	}
	o.ConnectedCB = func(c *nats.Conn) { l.conn.Store(c); lost(nil) }
	o.ReconnectedCB = func(*nats.Conn) { lost(nil) }
	o.ReconnectErrCB = func(_ *nats.Conn, err error) { lost(l.reason(err)) }
	o.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrSlowConsumer) { // Lists are asked for again.
			l.log.Warn("messages of the cluster were lost: too many came at once")
			return
		}
		lost(l.reason(err))
	}
	o.ClosedCB = func(*nats.Conn) { close(ended) }
	c, err := o.Connect()
	if err != nil {
		return l.reason(err)
	}
	l.conn.Store(c)
	for _, subject := range subjects {
		s, err := c.Subscribe(subject, func(m *nats.Msg) { hear(m.Subject, m.Data) })
		if err == nil {
			err = s.SetPendingLimits(mostWaiting, mostWaitingBytes)
		}
		if err != nil {
			c.Close()
			return l.reason(err)
		}
	}
	if c.IsConnected() {
		lost(nil) // Others respond to what is said now that this node listens.
	}
	<-ctx.Done()
	_ = c.FlushTimeout(time.Second) // Others notice in 3 s anyway.
	c.Close()
	<-ended
	return nil
}

// reason is an error of NATS without secrets.
func (l *natsLine) reason(err error) error {
	return errors.New(redact.Text(err.Error(), l.options.Servers...))
}

// Publish is that of Transport.
func (l *natsLine) Publish(subject string, data []byte) error {
	c := l.conn.Load()
	if c == nil {
		return nats.ErrDisconnected
	}
	return c.Publish(subject, data)
}

// secretOf returns what the embedded servers show each other: who hears it may not view streams with it.
func secretOf(c config.Cluster) string {
	mac := hmac.New(sha256.New, []byte(c.Token))
	fmt.Fprintf(mac, "steadyframe routes of %s", c.Name)
	return hex.EncodeToString(mac.Sum(nil))
}
