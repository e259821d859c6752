package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// run runs a program and returns what it printed; on failure the error holds what it complained of.
func run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// docker runs a command of the engine's client.
func docker(ctx context.Context, args ...string) (string, error) {
	return run(ctx, nil, "docker", args...)
}

// container is one container; it may run or not.
type container struct {
	t    *testing.T
	ctx  context.Context
	name string // for messages: the service, or what the test calls it
	id   string
}

// details are what the engine says of a container.
type details struct {
	State struct {
		Status   string
		Pid      int
		ExitCode int
		Health   struct {
			Status string
			Log    []struct {
				ExitCode int
				Output   string
			}
		}
	}
	HostConfig struct {
		ReadonlyRootfs bool
		CapDrop        []string
		SecurityOpt    []string
	}
	Mounts          []struct{ Source, Destination string }
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

func (c *container) inspect() details {
	c.t.Helper()
	var d details
	text := must(docker(c.ctx, "inspect", "-f", "{{json .}}", c.id))(c.t)
	check(c.t, json.Unmarshal([]byte(text), &d))
	return d
}

// do runs a command of the client on the container: do("stop", "-t", "10").
func (c *container) do(args ...string) {
	c.t.Helper()
	must(docker(c.ctx, append(args, c.id)...))(c.t)
}

// network returns the name of the container's network and its address there.
func (c *container) network() (name, address string, err error) {
	for name, n := range c.inspect().NetworkSettings.Networks {
		if n.IPAddress != "" {
			return name, n.IPAddress, nil
		}
	}
	return "", "", fmt.Errorf("%s has no address", c.name)
}

// waitHealth returns when the engine's verdict is this one.
func (c *container) waitHealth(want string) {
	c.t.Helper()
	eventually(c.t, c.ctx, c.name+" becomes "+want, func() error {
		state := c.inspect().State
		if state.Status != "running" {
			return fmt.Errorf("is %s, exit code %d", state.Status, state.ExitCode)
		}
		if state.Health.Status != want {
			return fmt.Errorf("is %s: %+v", state.Health.Status, state.Health.Log)
		}
		return nil
	})
}

// stop stops the container as an operator does and checks that it ended by itself: 143 is a JVM's exit code after
// SIGTERM, 137 would say that the engine lost patience.
func (c *container) stop() {
	c.t.Helper()
	c.do("stop", "-t", "10")
	if code := c.inspect().State.ExitCode; code != 143 {
		c.t.Errorf("%s stopped with exit code %d, want 143\n%s", c.name, code, c.logs(20))
	}
}

// logs returns the last lines that it printed.
func (c *container) logs(lines int) string {
	cmd := exec.CommandContext(context.WithoutCancel(c.ctx), "docker", "logs", "--tail", fmt.Sprint(lines), c.id)
	text, err := cmd.CombinedOutput()
	if err != nil {
		text = append(text, err.Error()...)
	}
	return fmt.Sprintf("--- %s, last lines of its log:\n%s", c.name, text)
}

// lone starts a container of the image by itself, without a network, as hardened as in docker/compose.yaml. It is removed
// with its volume when the test ends.
func lone(t *testing.T, ctx context.Context, name string, options, command []string) *container {
	t.Helper()
	args := []string{"run", "-d", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
		"--label=com.docker.compose.project=" + setting(t, "COMPOSE_PROJECT")} // the script removes what a killed test leaves
	args = append(append(args, options...), setting(t, "JOURNALNODE_IMAGE"))
	c := &container{t: t, ctx: ctx, name: name}
	c.id = must(docker(ctx, append(args, command...)...))(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.logs(40))
		}
		if _, err := docker(context.WithoutCancel(ctx), "rm", "-f", "-v", c.id); err != nil {
			t.Error(err)
		}
	})
	return c
}

// compose runs a command of docker compose, the plugin or else the program of its own, on the release's profile of
// docker/compose.yaml.
func compose(ctx context.Context, root, project, release string, env []string, args ...string) error {
	program := []string{"docker", "compose"}
	if _, err := docker(ctx, "compose", "version"); err != nil {
		program = []string{"docker-compose"}
	}
	argv := append(program, "-p", project, "-f", root+"/docker/compose.yaml", "--profile", release)
	_, err := run(ctx, env, argv[0], append(argv[1:], args...)...)
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("neither `docker compose` nor docker-compose is here")
	}
	return err
}
