package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// origin is a server of cluster.origins: it is asked once a second which streams it has.
type origin struct {
	directory *Directory
	address   string
	client    *client.Client
	began     time.Time
	instance  uint64
	revision  uint64
	last      []streamMessage
	seen      time.Time // when it responded last; Directory.mu guards it
	reason    string    // why it gives no list now; empty: it does, or was not asked yet; Directory.mu guards it
}

// mostList bounds the response of an origin.
const mostList = 16 << 20

// newOrigins returns the servers of cluster.origins. secure is how they are connected to, nil for plainly.
func newOrigins(d *Directory, c config.Cluster, secure *tls.Config) (list []*origin, err error) {
	for _, address := range c.Origins {
		o := &origin{directory: d, address: address, began: time.Now(), instance: rand.Uint64()}
		o.client, err = client.Dial(address, &client.Options{
			Token: c.Token, TLS: secure, MaxResponseBytes: mostList,
			Dial: []grpc.DialOption{
				grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: interval / 2, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * interval}, MinConnectTimeout: expiry}),
				conn.PingServers(),
			},
		})
		if err != nil {
			return list, fmt.Errorf("cluster.origins: %s: %w", address, err)
		}
		list = append(list, o)
	}
	return list, nil
}

// run asks until ctx ends.
func (o *origin) run(ctx context.Context) {
	defer o.client.Close()
	failing := false
	for ctx.Err() == nil {
		err := o.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		o.note(err)
		switch {
		case err != nil && !failing:
			o.directory.o.Log.Warn("a server of cluster.origins gives no list of its streams", "address", o.address, "err", err)
		case err == nil && failing:
			o.directory.o.Log.Info("a server of cluster.origins gives the list of its streams again", "address", o.address)
		}
		failing = err != nil
		_ = pause.For(ctx, interval)
	}
}

// note keeps how the server responded.
func (o *origin) note(err error) {
	o.directory.mu.Lock()
	defer o.directory.mu.Unlock()
	o.reason = ""
	if err == nil {
		o.seen = time.Now()
		return
	}
	why := err.Error()
	if e, ok := errors.AsType[*client.Error](err); ok {
		why = e.Reason
	}
	o.reason = shown(why, mostReason)
}

// missing returns the servers of cluster.origins that give no list, or were not asked yet. d.mu is held.
func (d *Directory) missing() map[string]Node {
	list := map[string]Node{}
	for _, o := range d.origins {
		if _, known := d.table.peers[o.address]; o.reason != "" || !known {
			list[o.address] = Node{Name: o.address, Address: o.address, Seen: o.seen, Reason: o.reason}
		}
	}
	return list
}

// ask asks once.
func (o *origin) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, expiry)
	defer cancel()
	streams, err := o.client.ListStreams(ctx)
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return fmt.Errorf("it did not respond within %v", expiry)
	case err != nil:
		return err
	}
	m := &message{Instance: o.instance, Alive: &aliveMessage{Address: o.address, Started: o.began.UnixMilli()}}
	var set []streamMessage
	for _, s := range streams {
		if s.Node != "" || s.Source == "" || stream.CheckName(s.Name) != nil || len(set) >= mostOfNode {
			continue // What it has from others, those others are asked for.
		}
		own := streamMessage{Name: s.Name, Format: text(s.Format), Viewers: len(s.Viewers), Online: s.State == client.Online, Sound: s.SoundRate > 0}
		if s.FPSIn >= 0 && s.FPSIn <= math.MaxInt32 {
			own.FPS = s.FPSIn
		}
		if own.Online {
			own.Epoch = 1 // Of two servers, the one where images come.
		}
		m.Alive.Viewers += own.Viewers
		set = append(set, own)
	}
	m.Alive.Streams = len(set)
	if o.revision == 0 || !reflect.DeepEqual(set, o.last) {
		o.revision++
		o.last, m.List = set, &listMessage{Parts: 1, Set: set}
	}
	m.Revision = o.revision
	o.directory.mu.Lock()
	names, were, _ := o.directory.apply(o.address, m)
	moved := o.directory.table.moved(names, were)
	if p := o.directory.table.peers[o.address]; p == nil || !p.known {
		o.revision, o.last = 0, nil // It was forgotten meanwhile: all of it again, next time.
	} else {
		p.origin = true
	}
	o.directory.mu.Unlock()
	o.directory.tell(moved)
	return nil
}

// runOrigins asks all of them until ctx ends.
func (d *Directory) runOrigins(ctx context.Context) {
	var running sync.WaitGroup
	for _, o := range d.origins {
		running.Go(func() { o.run(ctx) })
	}
	running.Wait()
}
