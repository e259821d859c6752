package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"gojn/internal/hadoopconf"
)

const healthUsage = `journalnode health [--config DIR] [-D key=value]... [-conf FILE]... [--url URL] [--timeout DURATION]

   Asks the running node for /health and says in one line how it is: exit code 0 if all is well, 1 if not, if there is no
   answer, and if an argument is bad. For container health checks: it needs no shell.

   --config DIR, -D, -conf  as of 'run': they tell where the node listens, dfs.journalnode.http-address
   --url URL                ask there instead, for example http://jn1:8480
   --timeout DURATION       how long the whole may take, for example 500ms; 5s unless given`

const (
	// exitUnhealthy is 1, not 255: a container engine gives other codes a meaning of its own.
	exitUnhealthy = 1
	healthTimeout = 5 * time.Second
	// maxHealth bounds what is read of an answer, bytes; a node with a thousand damaged segments says less.
	maxHealth = 1 << 20
)

// askHealth is the health command; its answer is one line on stdout and the exit code.
func askHealth(args []string, stdout io.Writer) error {
	said, err := checkHealth(args, os.LookupEnv)
	if err != nil {
		_, _ = fmt.Fprintln(stdout, "unhealthy:", strings.ReplaceAll(err.Error(), "\n", " ")) // the code says it too
		return exitCode(exitUnhealthy)
	}
	_, _ = fmt.Fprintln(stdout, "healthy:", said)
	return nil
}

func checkHealth(args []string, getenv func(string) (string, bool)) (string, error) {
	base, timeout, err := healthTarget(args, getenv)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return fetchHealth(ctx, base+"/health", timeout)
}

// healthTarget is where to ask, without a path, and how long that may take.
func healthTarget(args []string, getenv func(string) (string, bool)) (base string, timeout time.Duration, err error) {
	timeout = healthTimeout
	var rest []string
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if name != "--url" && name != "--timeout" {
			rest = append(rest, args[i])
			continue
		}
		if !joined {
			if i++; i == len(args) {
				return "", 0, fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		if name == "--url" {
			base, err = healthURL(value)
		} else if timeout, err = time.ParseDuration(value); err != nil || timeout <= 0 {
			err = fmt.Errorf("--timeout %s: not a duration above 0, such as 5s", value)
		}
		if err != nil {
			return "", 0, err
		}
	}
	opts, err := parseOptions(rest, getenv)
	if err != nil {
		return "", 0, err
	}
	if opts.printClient {
		return "", 0, errors.New("--print-client-config is an option of run")
	}
	if len(opts.warnings) > 0 { // run ignores what it does not know, as Java does; a check that asks elsewhere is worse
		return "", 0, fmt.Errorf("bad arguments: %s", strings.Join(opts.warnings, "; "))
	}
	if base == "" {
		base, err = configuredURL(opts.conf)
	}
	return base, timeout, err
}

// healthURL checks the value of --url.
func healthURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("--url: %w", err)
	}
	path := strings.TrimSuffix(u.Path, "/")
	if u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || (path != "" && path != "/health") {
		return "", fmt.Errorf("--url %s: must be http://host:port", text)
	}
	return "http://" + u.Host, nil
}

// configuredURL is where a node with this configuration answers HTTP, asked from its own machine. The configuration's
// warnings are the node's to say.
func configuredURL(o hadoopconf.Options) (string, error) {
	conf, err := hadoopconf.Load(o)
	if err != nil {
		return "", err
	}
	settings, _, err := hadoopconf.ReadJournalNode(conf)
	if err != nil {
		return "", err
	}
	address := settings.HTTP.Listen()
	if address.Port == 0 {
		return "", fmt.Errorf("%s has port 0, which any port may be; name the node's with --url",
			addressKeys("http", settings.HTTP.BindHost))
	}
	// Where there is IPv4, a node on any wildcard, also IPv6's, takes it: see net.Listen.
	if ip, err := netip.ParseAddr(address.Host); address.Host == "" || err == nil && ip.IsUnspecified() {
		address.Host = "127.0.0.1"
	}
	return "http://" + address.String(), nil
}

// fetchHealth asks a node and tells what it says; an error if that is anything but well.
func fetchHealth(ctx context.Context, address string, timeout time.Duration) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	log.SetOutput(io.Discard) // net/http tells there what a peer says unasked, beside the one line that this prints
	client := http.Client{
		// No proxy: the node is here, whatever the environment says. No second try elsewhere either.
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", late(err, address, timeout)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
	if err != nil {
		return "", late(err, address, timeout)
	}
	return judgeHealth(address, resp, body)
}

// late names the time that ran out in place of the context's words.
func late(err error, address string, timeout time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer within %v", address, timeout)
	}
	return err
}

// healthAnswer is what counts of the answer; package servlet writes it.
type healthAnswer struct {
	Status   string
	Ready    bool
	Journals []struct {
		JID, Status, OpenError, VoteError, SpaceError string
		DamagedSegments                               []struct{ Name, Reason string }
	}
}

func judgeHealth(address string, resp *http.Response, body []byte) (string, error) {
	var h healthAnswer
	if err := json.Unmarshal(body, &h); err != nil || h.Status == "" {
		return "", fmt.Errorf("%s answers %s, which is no JournalNode's: %.80q", address, resp.Status, body)
	}
	var wrong []string
	for _, j := range h.Journals {
		for _, text := range []string{j.OpenError, j.VoteError, j.SpaceError} {
			if text != "" {
				wrong = append(wrong, j.JID+": "+text)
			}
		}
		for _, s := range j.DamagedSegments {
			wrong = append(wrong, j.JID+": "+s.Name+": "+s.Reason)
		}
	}
	switch {
	case resp.StatusCode != http.StatusOK || h.Status != "ok":
		return "", fmt.Errorf("%s (%s): %s", h.Status, resp.Status, strings.Join(wrong, "; "))
	case !h.Ready:
		return "", errors.New("not ready: it takes no calls")
	}
	return fmt.Sprintf("%d journals in order", len(h.Journals)), nil
}
