package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gojn/compat-tests/hadoop"
)

// figures is what a node tells of a journal in /jmx.
type figures struct {
	LastPromisedEpoch, LastWrittenTxID        int64
	BatchesWritten, TxnsWritten, BytesWritten int64
}

// deeds tells what the nodes did, from /jmx and their logs.
func (s *story) deeds() ([]string, error) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	row(table, "", "epoch", "last txid", "batches", "transactions", "bytes", "segments", "recovered", "resident")
	for _, j := range s.Journals {
		f, err := readFigures(j.HTTP)
		if err != nil {
			return nil, fmt.Errorf("/jmx of %s: %w", j.Name, err)
		}
		resident, err := j.ResidentBytes()
		if err != nil {
			return nil, err
		}
		log := j.FullLog()
		row(table, j.Name, f.LastPromisedEpoch, f.LastWrittenTxID, f.BatchesWritten, f.TxnsWritten, f.BytesWritten,
			count(log, "log segment finalized"), count(log, "accepted recovery"), fmt.Sprintf("%d MiB", resident>>20))
	}
	if err := table.Flush(); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	lines = append(lines, "", "From the log of "+s.Journals[0].Name+", what it promised, recovered and was asked to change:")
	return append(lines, events(s.Journals[0].FullLog(), s.began)...), nil
}

func row(w *tabwriter.Writer, cells ...any) {
	for _, c := range cells {
		_, _ = fmt.Fprint(w, c, "\t") // into memory
	}
	_, _ = fmt.Fprintln(w)
}

// readFigures asks a node's /jmx.
func readFigures(address string) (figures, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/jmx?qry=" +
		url.QueryEscape("Hadoop:service=JournalNode,name=Journal-"+hadoop.JournalID))
	if err != nil {
		return figures{}, err
	}
	defer resp.Body.Close()
	var answer struct{ Beans []figures }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return figures{}, err
	}
	if len(answer.Beans) != 1 {
		return figures{}, fmt.Errorf("%d beans of the journal", len(answer.Beans))
	}
	return answer.Beans[0], nil
}

// count is how many log lines have the message.
func count(log, message string) int {
	n := 0
	for line := range strings.Lines(log) {
		if fields(line)["msg"] == message {
			n++
		}
	}
	return n
}

// told are the log lines worth telling, and the fields of each.
var told = map[string][]string{
	"audit":                 {"op", "user", "result"},
	"promised epoch raised": {"from", "to"},
	"prepared recovery":     {"segment", "answer"},
	"accepted recovery":     {"state", "epoch", "downloaded"},
	"log segment closed without being finalized": {"first", "last", "reason"},
	"log segment set aside":                      {"name", "suffix"},
}

// events are the lines of a node's log that are worth telling, with the seconds since began.
func events(log string, began time.Time) []string {
	var out []string
	for line := range strings.Lines(log) {
		f := fields(line)
		keys, ok := told[f["msg"]]
		if !ok {
			continue
		}
		at, err := time.Parse(time.RFC3339, f["time"])
		if err != nil {
			continue
		}
		text := fmt.Sprintf("[%5.1f s] %s:", at.Sub(began).Seconds(), f["msg"])
		for _, k := range keys {
			if f[k] != "" {
				text += " " + k + " " + f[k] + ","
			}
		}
		out = append(out, strings.TrimRight(text, ",:"))
	}
	return out
}

// fields takes a line of log/slog's text apart: key=value, values quoted where needed. What is no such line gives what
// can be read of it.
func fields(line string) map[string]string {
	found := make(map[string]string)
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		key, rest, ok := strings.Cut(line, "=")
		if !ok {
			break
		}
		var value string
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			value, _ = strconv.Unquote(quoted) // it is a prefix that can be
			line = rest[len(quoted):]
		} else {
			value, line, _ = strings.Cut(rest, " ")
		}
		found[key] = value
	}
	return found
}
