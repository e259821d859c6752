package docker_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxImageSize = 30_000_000

// TestImage: small, from scratch, not root by its number, with a health check that needs no shell.
func TestImage(t *testing.T) {
	var image struct {
		Size   int64
		RootFS struct{ Layers []string }
		Config struct {
			User, StopSignal string
			Env, Entrypoint  []string
			Labels           map[string]string
			Volumes          map[string]any
			Healthcheck      struct{ Test []string }
		}
	}
	text := must(docker(t.Context(), "image", "inspect", "-f", "{{json .}}", setting(t, "JOURNALNODE_IMAGE")))(t)
	check(t, json.Unmarshal([]byte(text), &image))
	t.Logf("%d bytes", image.Size)
	if image.Size == 0 || image.Size >= maxImageSize || len(image.RootFS.Layers) != 1 {
		t.Errorf("%d bytes in %d layers", image.Size, len(image.RootFS.Layers))
	}
	conf := image.Config
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(conf.User) {
		t.Errorf("user %q", conf.User)
	}
	if _, ok := conf.Volumes["/data"]; !ok || conf.StopSignal != "SIGTERM" ||
		!slices.Contains(conf.Env, "HADOOP_CONF_DIR=/etc/hadoop/conf") || !slices.Equal(conf.Entrypoint, []string{"/journalnode"}) {
		t.Errorf("%+v", conf)
	}
	if test := conf.Healthcheck.Test; len(test) < 3 || test[0] != "CMD" || test[1] != "/journalnode" || test[2] != "health" {
		t.Errorf("health check %q", test)
	}
	for _, name := range []string{"title", "description", "licenses", "version", "revision"} {
		if conf.Labels["org.opencontainers.image."+name] == "" {
			t.Errorf("no label %s in %v", name, conf.Labels)
		}
	}
}

// TestImageAlone: with nothing but a volume the image runs, is healthy, and keeps its volume over a stop and a start.
func TestImageAlone(t *testing.T) {
	t.Parallel()
	c := lone(t, deadline(t), "alone", []string{"--health-interval=500ms"}, nil)
	c.waitHealth("healthy")
	if !strings.Contains(c.logs(50), "edits_dir=/data") {
		t.Errorf("it does not use its volume:\n%s", c.logs(50))
	}
	c.stop()
	c.do("start")
	c.waitHealth("healthy")
	c.stop()
}

// TestImageUnhealthy: the engine sees a node that does not answer where its configuration says, and hears why.
func TestImageUnhealthy(t *testing.T) {
	t.Parallel()
	c := lone(t, deadline(t), "elsewhere",
		// A start period of 0 would mean the image's.
		[]string{"--health-interval=500ms", "--health-retries=1", "--health-start-period=1ms"},
		[]string{"-Ddfs.journalnode.http-address=127.0.0.1:9999"})
	c.waitHealth("unhealthy")
	log := c.inspect().State.Health.Log
	if last := log[len(log)-1]; last.ExitCode != 1 || !strings.Contains(last.Output, "unhealthy: ") {
		t.Errorf("%+v", last)
	}
}

// TestImageForeignVolume: a volume of somebody else ends the start with a line that names the key and the directory.
func TestImageForeignVolume(t *testing.T) {
	t.Parallel()
	c := lone(t, deadline(t), "foreign volume", []string{"--tmpfs=/data:uid=0,mode=0755"}, nil)
	eventually(t, c.ctx, "the node ends", func() error {
		if status := c.inspect().State.Status; status != "exited" {
			return fmt.Errorf("it is %s\n%s", status, c.logs(50))
		}
		return nil
	})
	if code, log := c.inspect().State.ExitCode, c.logs(50); code != 255 ||
		!strings.Contains(log, "dfs.journalnode.edits.dir = '/data'") || !strings.Contains(log, "permission denied") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}
