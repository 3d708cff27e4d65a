package cluster

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// What scripts/check-cluster sets.
var (
	video   = flag.String("cluster.video", "", "a video: run three nodes that show it, and measure")
	viewing = flag.Int("cluster.viewers", 600, "viewers of the stream")
	seconds = flag.Duration("cluster.time", 8*time.Second, "how long each measurement takes")
	rounds  = flag.Int("cluster.rounds", 3, "how often one node and three nodes are measured")
)

// program is the path of the program under test, set by TestMain where figures are wanted.
var program string

// natsVariable makes this program a NATS server at that address.
const natsVariable = "LAB_CLUSTER_NATS"

func TestMain(m *testing.M) {
	flag.Parse()
	if address := os.Getenv(natsVariable); address != "" {
		if err := runNATS(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	if *video == "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "steadyframe-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if program, err = daemon.Build(dir, "../../cmd/steadyframe"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// runNATS is a NATS server of its own, until a signal.
func runNATS(address string) error {
	host, port, err := splitPort(address)
	if err != nil {
		return err
	}
	s, err := natsserver.NewServer(&natsserver.Options{Host: host, Port: port, NoSigs: true})
	if err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)
	s.Start()
	<-end
	s.Shutdown()
	return nil
}
