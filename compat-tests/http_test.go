package compat_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// transferHeaders are the headers of a 200 that NameNodes, other JournalNodes or operators read. Fixed-length and
// plain: Transfer-Encoding and Content-Encoding must be absent on both.
var transferHeaders = []string{
	"Content-Length", "Content-Disposition", "X-Image-Edits-Name", "X-MD5-Digest", "Transfer-Encoding",
	"Content-Encoding", "Content-Type", "Cache-Control", "Pragma", "X-Content-Type-Options", "X-XSS-Protection",
}

// TestHTTP_GetJournal asks both nodes for segments, rightly and wrongly (the requests of getJournal-http.txt), and
// compares status, headers and bytes. Our node is told which release's ways it shall have.
func TestHTTP_GetJournal(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		version := site.Install.Release.Version
		ours := must(site.JournalNode("http-ours", subject(), journalnode(t), sameRelease(site.Install)))(t)
		java := must(site.JournalNode("http-java", hadoop.Java, "", nil))(t)
		for _, j := range []*hadoop.JournalNode{ours, java} {
			check(t, j.Start(ctx))
			writeForDownload(t, ctx, j)
		}
		served, headers := 0, transferHeaders
		if version == hadoop.Hadoop350.Version {
			headers = append([]string{"X-Frame-Options"}, headers...) // ours sends it for 3.4.2 too, and Java's does not
		}
		for _, query := range downloadQueries() {
			got, want := download(t, ctx, ours, query, headers), download(t, ctx, java, query, headers)
			name, _, _ := strings.Cut(query, "&storageInfo")
			d, listed := deliberateHTTP[version+" "+name]
			switch {
			case got == want && listed && !control():
				t.Errorf("%s does not differ any more, take it off the list: %s", query, d.reason)
			case got != want && (!listed || got != d.ours):
				t.Errorf("%s\n ours: %q\n java: %q", query, got, want)
			}
			if strings.HasPrefix(want, "200") {
				served++
			}
		}
		if served == 0 {
			t.Error("no request was served")
		}
	}, releases(t)...)
}

// deliberateHTTP lists where we answer otherwise than Java, by release and request without storageInfo.
var deliberateHTTP = map[string]difference{
	"2.7.7 jid=ns1&segmentTxId=4&inProgressOk=false": {
		"404", "4.1: 2.7 ignores the word; only 3.x peers send it, and they mean it",
	},
}

// writeForDownload writes a finalized segment 1-3 and an open one with 4-5.
func writeForDownload(t *testing.T, ctx context.Context, j *hadoop.JournalNode) {
	t.Helper()
	w := dialJournal(t, ctx, j)
	w.must("format", wire.Message{}.Bytes(1, wire.JournalID("ns1")).Bytes(2, modern.Message()).Bool(4, false))
	w.must("newEpoch", wire.Message{}.Bytes(1, wire.JournalID("ns1")).Bytes(2, modern.Message()).Int(3, 1))
	w.start(1)
	w.write(1, 3, 1)
	w.must("finalizeLogSegment", wire.Message{}.Bytes(1, w.info()).Int(2, 1).Int(3, 3))
	w.start(4)
	w.write(4, 2, 4)
}

// downloadQueries are the query strings, each with what it is about.
func downloadQueries() []string {
	storage := "&storageInfo=" + url.QueryEscape(fmt.Sprintf("%d:%d:%d:%s", modern.LayoutVersion, modern.NamespaceID,
		modern.CTime, modern.ClusterID))
	return []string{
		"jid=ns1&segmentTxId=1" + storage,
		"jid=ns1&segmentTxId=4" + storage,
		"jid=ns1&segmentTxId=4&inProgressOk=true" + storage,
		"jid=ns1&segmentTxId=4&inProgressOk=false" + storage,
		"jid=ns1&segmentTxId=4&inProgressOk=no" + storage,
		"jid=ns1&segmentTxId=1&inProgressOk=false" + storage,
		"jid=ns1&segmentTxId=2" + storage,
		"jid=ns1&segmentTxId=abc" + storage,
		"jid=ns1&segmentTxId=-1" + storage,
		"jid=ns1" + storage,
		"jid=ns1&segmentTxId=1",
		"segmentTxId=1",
		"jid=.x&segmentTxId=1",
		"jid=nosuch&segmentTxId=1",
		"jid=ns1&segmentTxId=1&storageInfo=-63:7:0:CID-x",
		"jid=ns1&segmentTxId=1&storageInfo=junk",
		"jid=ns1&segmentTxId=1&storageInfo=-1:1073741825:9:" + url.QueryEscape(modern.ClusterID),
	}
}

// download returns status, headers and body of a 200 as one text, and only the status of anything else: no client
// reads more of an error.
func download(t *testing.T, ctx context.Context, j *hadoop.JournalNode, query string, headers []string) string {
	t.Helper()
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+j.HTTP+"/getJournal?"+query, nil))(t)
	req.Header.Set("Accept-Encoding", "gzip") // offered, and to be declined
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	body := must(io.ReadAll(resp.Body))(t)
	text := fmt.Sprint(resp.StatusCode)
	if resp.StatusCode != http.StatusOK {
		return text
	}
	for _, name := range headers {
		text += fmt.Sprintf("|%s: %s", name, strings.ToLower(strings.ReplaceAll(resp.Header.Get(name), " ", "")))
	}
	return text + fmt.Sprintf("|chunked %v|%d bytes, sha256 %x", resp.TransferEncoding, len(body), sha256.Sum256(body))
}
