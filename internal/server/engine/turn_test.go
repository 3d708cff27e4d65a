package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
)

// usedClient returns a client whose turns took so long until now.
func usedClient(used time.Duration) *Client { return &Client{known: true, used: used, at: time.Now()} }

// TestTurnsGoToLightClients: of those that wait, who used least has the next turn, and of five turns one is for who waits
// longest.
func TestTurnsGoToLightClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1}
		running := usedClient(time.Millisecond) // so little that nobody may go beside it
		if err := q.enter(t.Context(), running, true); err != nil {
			t.Fatal(err)
		}
		var order []string
		entered := make(chan string)
		wait := func(name string, c *Client) {
			go func() {
				if err := q.enter(t.Context(), c, true); err != nil {
					t.Error(err)
				}
				entered <- name
				q.leave(c, 0, true)
			}()
			synctest.Wait()
		}
		wait("heavy", usedClient(time.Second))
		wait("new", nil)
		wait("new again", new(Client))
		for i := range 6 {
			wait(fmt.Sprintf("light %d", i), usedClient(time.Duration(10+i)*time.Millisecond))
		}
		q.leave(running, 0, true)
		synctest.Wait()
		for range 9 {
			order = append(order, <-entered)
			synctest.Wait()
		}
		first, last := []string{"light 0", "light 1", "light 2", "light 3"}, []string{"new", "new again"}
		if !slices.Equal(order[:4], first) || !slices.Contains(order[4:6], "heavy") || !slices.Equal(order[7:], last) {
			t.Errorf("got turns for %q, want %q, heavy and other light ones, %q", order, first, last)
		}
	})
}

// TestLightClientsDoNotWait: where all turns are those of clients that used much more, another need not wait; of those there
// are no more than turns, and clients that used as much wait.
func TestLightClientsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 2}
		enter := func(c *Client) (entered bool) {
			go func() {
				if q.enter(t.Context(), c, true) == nil {
					entered = true
				}
			}()
			synctest.Wait()
			return entered
		}
		heavy := []*Client{usedClient(time.Second), usedClient(time.Second)}
		for _, c := range heavy {
			if !enter(c) {
				t.Fatal("got no turn where all are free")
			}
		}
		if enter(usedClient(600 * time.Millisecond)) {
			t.Error("got a turn for a client that used much itself")
		}
		light := []*Client{usedClient(40 * time.Millisecond), usedClient(10 * time.Millisecond)}
		for _, c := range light {
			if !enter(c) {
				t.Error("got no turn beside two clients that used much more")
			}
		}
		if enter(usedClient(time.Millisecond)) {
			t.Error("got a fifth turn where there are two")
		}
		for _, c := range append(heavy, light...) {
			q.leave(c, 0, true)
		}
		synctest.Wait()
		if running, waiting := q.lengths(); running != 2 || waiting != 0 {
			t.Errorf("got %d running and %d waiting, want those two that waited to have turns", running, waiting)
		}
	})
}

// TestRecentUse: what a client used is halved every second, and a new one has used something.
func TestRecentUse(t *testing.T) {
	begin := time.Now()
	var c Client
	if got := c.recent(begin); got != newcomer {
		t.Errorf("got %v for a new client, want %v", got, newcomer)
	}
	c.count(begin, 300*time.Millisecond)
	if got := c.recent(begin.Add(2 * usedHalf)); got != (newcomer+300*time.Millisecond)/4 {
		t.Errorf("got %v after two seconds, want a quarter of 400 ms", got)
	}
}

// TestYield: a turn goes on while nobody waits, or those that wait used more; else it goes to them, and comes back.
func TestYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue{turns: 1}
		ctx, cancel := context.WithCancel(t.Context())
		turn := newTurn(WithClient(ctx, usedClient(50*time.Millisecond)), &q, true)
		defer turn.end()
		if err := turn.enter(); err != nil {
			t.Fatal(err)
		}
		enter := func(used time.Duration) (entered <-chan struct{}, leave func()) {
			c, in := usedClient(used), make(chan struct{})
			go func() {
				if q.enter(t.Context(), c, true) == nil {
					close(in)
				}
			}()
			synctest.Wait()
			return in, func() { q.leave(c, 0, true) }
		}
		heavy, endHeavy := enter(time.Second)
		if err := turn.yield(0); err != nil || !turn.held {
			t.Errorf("got %v: the turn went to a client that used more", err)
		}
		light, endLight := enter(40 * time.Millisecond)
		if err := turn.yield(slice); err != nil || !turn.held {
			t.Errorf("got %v: the turn did not last", err)
		}
		time.Sleep(slice)
		back := make(chan error)
		go func() { back <- turn.yield(slice) }()
		<-light
		synctest.Wait()
		select {
		case <-back:
			t.Fatal("the turn is back before the other has ended")
		default:
		}
		endLight()
		if err := <-back; err != nil || !turn.held {
			t.Errorf("got %v, want the turn back", err)
		}
		time.Sleep(20 * time.Second) // The other is forgotten, and this turn took long.
		go func() { back <- turn.yield(slice) }()
		<-heavy
		cancel()
		if err := <-back; err == nil || turn.held {
			t.Errorf("got %v, want the context's error, and no turn", err)
		}
		endHeavy()
	})
}

// TestRunsGiveWay: a batch that takes long does not keep a light client waiting until its end, even where there is one worker
// and others with long batches came before.
func TestRunsGiveWay(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Workers = 1 })
	long, err := e.Plan(pipeline.Spec{Input: spec(64).Input, Resize: pipeline.Resize{Width: 6000, Height: 6000}})
	if err != nil {
		t.Fatal(err)
	}
	short, err := e.Plan(spec(64))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 3)
	for range 3 {
		go func() {
			defer func() { ended <- struct{}{} }()
			b := pipeline.Batch{}
			for range 64 {
				b.In = append(b.In, blank(t, long.Spec()))
			}
			_, _ = e.Run(WithClient(ctx, usedClient(time.Hour)), long, &b, true)
			b.Release()
		}()
	}
	for running := 0; running == 0; running, _ = e.Queue() {
		time.Sleep(time.Millisecond)
	}
	light := WithClient(t.Context(), usedClient(0))
	b := pipeline.Batch{In: []frame.Frame{blank(t, short.Spec())}}
	for range 20 {
		if _, err := e.Run(light, short, &b, true); err != nil {
			t.Error(err)
		}
	}
	b.Release()
	if len(ended) > 0 {
		t.Error("a long batch ended before 20 short ones of a light client")
	}
	cancel()
	for range 3 {
		<-ended
	}
}
