package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// TellManager tells the service manager, where systemd or another one started this process and listens (sd_notify(3)), that it is
// ready, and that it stops once ctx ends. Where the manager has a watchdog, it hears that all is well as long as healthy returns nil;
// it ends and starts the process once it hears nothing. stop waits for the goroutines of that.
func TellManager(ctx context.Context, log *slog.Logger, healthy func(context.Context) error) (stop func()) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("the service manager cannot be told", "state", state, "err", err)
		}
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the service manager's watchdog is not told", "err", err)
	}
	tell(daemon.SdNotifyReady)
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx)) // It watches while the server drains, too.
	var telling sync.WaitGroup
	telling.Go(func() {
		select {
		case <-ctx.Done():
		case <-watching.Done():
		}
		if ctx.Err() != nil { // What drains in no time tells it all the same.
			tell(daemon.SdNotifyStopping)
		}
	})
	telling.Go(func() {
		if watchdog > 0 {
			watch(watching, watchdog/3, healthy, func(err error) { // Two may fail, or come late.
				if err == nil {
					tell(daemon.SdNotifyWatchdog)
				} else {
					log.Warn("the service manager's watchdog is not told: the server's test of itself failed", "err", err)
				}
			})
		}
	})
	return func() {
		cancel()
		telling.Wait()
	}
}

// watch calls healthy at that interval, and told with what it returned, until ctx ends.
func watch(ctx context.Context, every time.Duration, healthy func(context.Context) error, told func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		within, cancel := context.WithTimeout(ctx, every)
		err := healthy(within)
		cancel()
		if ctx.Err() != nil {
			return
		}
		told(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// PassedSockets returns the listeners that the service manager opened for this process (sd_listen_fds(3)), by the names that it
// gave them: FileDescriptorName of a .socket unit of systemd. The caller owns them.
func PassedSockets() (map[string]net.Listener, error) {
	passed := map[string]net.Listener{}
	for _, f := range activation.Files(true) {
		l, err := net.FileListener(f) // a duplicate
		_ = f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("the service manager passed a socket with the name %s that nothing can connect to, want one that listens: %w", f.Name(), err)
		case passed[f.Name()] != nil:
			return nil, fmt.Errorf("the service manager passed two sockets with the name %s, want one: one ListenStream in each .socket unit", f.Name())
		}
		passed[f.Name()] = l
	}
	return passed, nil
}
