package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"gojn/internal/hadoopconf"
	"gojn/internal/ssl"
)

const healthUsage = `journalnode health [--config DIR] [-D key=value]... [-conf FILE]... [--url URL] [--timeout DURATION]

   Asks the running node for /health and says in one line how it is: exit code 0 if all is well, 1 if not, if there is no
   answer, and if an argument is bad. For container health checks: it needs no shell.

   --config DIR, -D, -conf  as of 'run': they tell where the node listens, dfs.journalnode.http-address, or with
                            HTTPS_ONLY dfs.journalnode.https-address. Asked so, the node shows a certificate that is not
                            checked: it is the one on this machine. With dfs.client.https.need-auth it is shown that of
                            ssl.client.keystore.location, if hadoop.ssl.require.client.cert is true, else the node's own,
                            which its trust store must then trust as a client's
   --url URL                ask there instead, for example http://jn1:8480; the certificate of an https URL is checked by
                            ssl-client.xml
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
	target, err := findHealth(args, getenv)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), target.timeout)
	defer cancel()
	return fetchHealth(ctx, target)
}

// healthTarget is where to ask, without a path, how long that may take, and the TLS of an https address.
type healthTarget struct {
	base    string
	timeout time.Duration
	tls     *tls.Config
	shown   string // what to say if the node does not take the certificate that it is shown; "": none is
}

func findHealth(args []string, getenv func(string) (string, bool)) (target healthTarget, err error) {
	target.timeout = healthTimeout
	var rest []string
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if name != "--url" && name != "--timeout" {
			rest = append(rest, args[i])
			continue
		}
		if !joined {
			if i++; i == len(args) {
				return target, fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		if name == "--url" {
			target.base, err = healthURL(value)
		} else if target.timeout, err = time.ParseDuration(value); err != nil || target.timeout <= 0 {
			err = fmt.Errorf("--timeout %s: not a duration above 0, such as 5s", value)
		}
		if err != nil {
			return target, err
		}
	}
	opts, err := parseOptions(rest, getenv)
	if err != nil {
		return target, err
	}
	if opts.printClient {
		return target, errors.New("--print-client-config is an option of run")
	}
	if len(opts.warnings) > 0 { // run ignores what it does not know, as Java does; a check that asks elsewhere is worse
		return target, fmt.Errorf("bad arguments: %s", strings.Join(opts.warnings, "; "))
	}
	if target.base != "" && !strings.HasPrefix(target.base, "https:") {
		return target, nil // it needs no configuration
	}
	settings, err := settingsOf(opts.conf)
	if err != nil {
		return target, err
	}
	if target.base != "" {
		target.tls, err = tlsOfOther(settings, target.base)
		return target, err
	}
	if target.base, err = configuredURL(settings); err == nil && strings.HasPrefix(target.base, "https:") {
		target.tls, target.shown, err = tlsOfOwn(settings)
	}
	return target, err
}

// healthURL checks the value of --url.
func healthURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("--url: %w", err)
	}
	path := strings.TrimSuffix(u.Path, "/")
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		(path != "" && path != "/health") {
		return "", fmt.Errorf("--url %s: must be http://host:port or https://host:port", text)
	}
	return u.Scheme + "://" + u.Host, nil
}

// settingsOf reads a node's configuration, whose warnings are the node's to say.
func settingsOf(o hadoopconf.Options) (*hadoopconf.JournalNode, error) {
	conf, err := hadoopconf.Load(o)
	if err != nil {
		return nil, err
	}
	settings, _, err := hadoopconf.ReadJournalNode(conf)
	return settings, err
}

// configuredURL is where a node with these settings answers HTTP, or HTTPS if that is all that it serves, asked from its
// own machine.
func configuredURL(settings *hadoopconf.JournalNode) (string, error) {
	scheme, address, bindHost := "http", settings.HTTP.Listen(), settings.HTTP.BindHost
	if !settings.HTTPPolicy.HTTP() {
		scheme, address, bindHost = "https", settings.HTTPS.Listen(), settings.HTTPS.BindHost
	}
	if address.Port == 0 {
		return "", fmt.Errorf("%s has port 0, which any port may be; name the node's with --url", addressKeys(scheme, bindHost))
	}
	// Where there is IPv4, a node on any wildcard, also IPv6's, takes it: see net.Listen.
	if ip, err := netip.ParseAddr(address.Host); address.Host == "" || err == nil && ip.IsUnspecified() {
		address.Host = "127.0.0.1"
	}
	return scheme + "://" + address.String(), nil
}

// tlsOfOther is for a node that was named: it is checked like one that segments are fetched from.
func tlsOfOther(settings *hadoopconf.JournalNode, base string) (*tls.Config, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return newFetches(settings.HTTPSClient, slog.New(slog.DiscardHandler)).config(context.Background(), u.Hostname())
}

// tlsOfOwn is for the node of this machine, whose certificate need not be for the address that it is asked at, and may have
// changed on disk since it was started. To one that wants a certificate the client's is shown, or else the node's own.
func tlsOfOwn(settings *hadoopconf.JournalNode) (config *tls.Config, shown string, err error) {
	config = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	if !settings.HTTPS.NeedClientAuth {
		return config, "", nil
	}
	keys := settings.HTTPSClient.KeyStore
	if keys.Location == "" {
		keys = settings.HTTPS.KeyStore
	}
	client, err := ssl.NewClient(ssl.ClientConfig{KeyStore: storeOf(keys)})
	if err != nil {
		return nil, "", storeError(err, keys, keys)
	}
	config.Certificates = client.TLS("").Certificates
	shown = fmt.Sprintf("the node was shown the certificate of %s = '%s': ssl.server.truststore.location must trust it for clients, "+
		"or set hadoop.ssl.require.client.cert to true and ssl.client.keystore.location to a store whose certificate it trusts",
		keys.Key, keys.Location)
	return config, shown, nil
}

// fetchHealth asks a node and tells what it says; an error if that is anything but well.
func fetchHealth(ctx context.Context, target healthTarget) (string, error) {
	address, timeout := target.base+"/health", target.timeout
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	log.SetOutput(io.Discard) // net/http tells there what a peer says unasked, beside the one line that this prints
	client := http.Client{
		// No proxy: the node is here, whatever the environment says. No second try elsewhere either.
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext,
			TLSClientConfig: target.tls},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", refused(late(err, address, timeout), target.shown)
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

// refused adds to an alert of TLS what the node was shown: of a bad certificate it says no more than that.
func refused(err error, shown string) error {
	var op *net.OpError
	if shown != "" && errors.As(err, &op) && op.Op == "remote error" {
		return fmt.Errorf("%w; %s", err, shown)
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
