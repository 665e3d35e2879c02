// Provision runs Kafka and RabbitMQ in containers for the tests, by Testcontainers:
//
//	provision [-kafka IMAGE,PORT,PORT,PORT] [-amqp IMAGE,PORT,PORT,PORT]
//
// The containers use the host's network and listen on the given ports of 127.0.0.1 alone. When all of them are ready
// it prints KEY=VALUE lines, READY=1 the last one, and keeps the containers up until its standard input is closed or
// it gets SIGTERM or SIGINT. Every start removes the containers of owners that died before they could do it themselves;
// with no broker to start, provision does only that.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	tc "github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	labelOwner   = "fairlead.test.owner" // "PID START": see processID
	startTimeout = 5 * time.Minute       // an image may have to be pulled
	stopTimeout  = 20 * time.Second
)

func main() {
	log.SetFlags(log.Ltime)
	var specs []spec
	flag.Func("kafka", "IMAGE,CLIENT_PORT,CONTROLLER_PORT,UNUSED", adder(&specs, kafka))
	flag.Func("amqp", "IMAGE,CLIENT_PORT,DISTRIBUTION_PORT,EPMD_PORT", adder(&specs, rabbitmq))
	flag.Parse()
	if err := run(specs); err != nil {
		log.Fatal(err)
	}
}

func run(specs []spec) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	go func() { // the owner holds the other end of standard input for as long as it lives
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := sweep(); err != nil || len(specs) == 0 {
		return err
	}
	var (
		group      sync.WaitGroup
		containers = make([]tc.Container, len(specs))
		failures   = make([]error, len(specs))
	)
	for i := range specs {
		group.Go(func() { containers[i], failures[i] = specs[i].start(ctx) })
	}
	group.Wait()
	defer terminate(containers)
	if err := errors.Join(failures...); err != nil {
		return err
	}
	for _, s := range specs {
		fmt.Printf("FAIRLEAD_%s_URL=%s\n%s_START_MS=%d\n", s.name, s.url, s.name, s.took.Milliseconds())
	}
	fmt.Println("READY=1")
	<-ctx.Done()
	return nil
}

// spec is one broker to start.
type spec struct {
	name, image, url string
	env              map[string]string
	readyLine        string
	took             time.Duration
}

func adder(specs *[]spec, make func(image string, ports [3]int) spec) func(string) error {
	return func(value string) error {
		parts := strings.Split(value, ",")
		if len(parts) != 4 {
			return errors.New("want IMAGE,PORT,PORT,PORT")
		}
		var ports [3]int
		for i := range ports {
			port, err := strconv.ParseUint(parts[i+1], 10, 16)
			if err != nil {
				return err
			}
			ports[i] = int(port)
		}
		*specs = append(*specs, make(parts[0], ports))
		return nil
	}
}

func kafka(image string, ports [3]int) spec {
	client, controller := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	return spec{
		name:      "KAFKA",
		image:     image,
		url:       "kafka://" + client,
		readyLine: "Kafka Server started",
		env: map[string]string{
			"KAFKA_NODE_ID":                                  "1",
			"KAFKA_PROCESS_ROLES":                            "broker,controller",
			"KAFKA_LISTENERS":                                "PLAINTEXT://" + client + ",CONTROLLER://" + controller,
			"KAFKA_ADVERTISED_LISTENERS":                     "PLAINTEXT://" + client,
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@" + controller,
			"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
			"KAFKA_INTER_BROKER_LISTENER_NAME":               "PLAINTEXT",
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
			"KAFKA_NUM_PARTITIONS":                           "3",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
			"KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS":             "4",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
			"KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS":     "4",
			"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":         "0",
			"KAFKA_LOG_CLEANER_DEDUPE_BUFFER_SIZE":           "16777216",
			"KAFKA_CONTROLLED_SHUTDOWN_ENABLE":               "false",
			"KAFKA_HEAP":                                     "256m",
			"KAFKA_HEAP_OPTS":                                "-Xmx256m -Xms256m",
		},
	}
}

func rabbitmq(image string, ports [3]int) spec {
	return spec{
		name:      "AMQP",
		image:     image,
		url:       fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", ports[0]),
		readyLine: "Server startup complete",
		env: map[string]string{
			"RABBITMQ_NODENAME":        fmt.Sprintf("c%d@localhost", ports[0]),
			"RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
			"RABBITMQ_NODE_PORT":       strconv.Itoa(ports[0]),
			"RABBITMQ_DIST_PORT":       strconv.Itoa(ports[1]),
			"ERL_EPMD_PORT":            strconv.Itoa(ports[2]),
			"ERL_EPMD_ADDRESS":         "127.0.0.1",
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} " +
				"+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
		},
	}
}

func (s *spec) start(ctx context.Context) (tc.Container, error) {
	began := time.Now()
	c, err := tc.Run(ctx, s.image,
		tc.WithEnv(s.env),
		tc.WithLabels(map[string]string{labelOwner: processID(os.Getpid())}),
		tc.WithHostConfigModifier(func(h *container.HostConfig) { h.NetworkMode = "host" }),
		tc.WithWaitStrategyAndDeadline(startTimeout, wait.ForLog(s.readyLine).WithPollInterval(100*time.Millisecond)))
	s.took = time.Since(began)
	if err != nil {
		if c != nil {
			log.Printf("%s: last lines:\n%s", s.image, tail(c))
		}
		return c, fmt.Errorf("%s: %w", s.image, err)
	}
	return c, nil
}

func tail(c tc.Container) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	logs, err := c.Logs(ctx)
	if err != nil {
		return []byte(err.Error())
	}
	defer logs.Close()
	text, _ := io.ReadAll(logs)
	lines := bytes.Split(text, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-40):], []byte("\n"))
}

func terminate(containers []tc.Container) {
	var group sync.WaitGroup
	for _, c := range containers {
		if c == nil {
			continue
		}
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*stopTimeout)
			defer cancel()
			if err := c.Terminate(ctx, tc.StopTimeout(stopTimeout)); err != nil {
				log.Printf("container %s: %v", c.GetContainerID(), err)
			}
		})
	}
	group.Wait()
}

// sweep removes the containers of owners that are gone.
func sweep() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*stopTimeout)
	defer cancel()
	docker, err := tc.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	defer docker.Close()
	found, err := docker.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelOwner)})
	if err != nil {
		return err
	}
	for _, c := range found.Items {
		owner := c.Labels[labelOwner]
		pid, _, _ := strings.Cut(owner, " ")
		if n, err := strconv.Atoi(pid); err == nil && processID(n) == owner {
			continue
		}
		log.Printf("removing container %s, left behind by process %s", c.ID, pid)
		if _, err := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			return err
		}
	}
	return nil
}

// processID names a process for good, as "PID START": pids come back, start times do not.
func processID(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name in parentheses may hold spaces; the start time is the 20th field after it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return fmt.Sprintf("%d %s", pid, fields[19])
}
