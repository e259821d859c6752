package hadoopconf_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/internal/hadoopconf"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// TestConfigurationDocument fails when docs/configuration.md is not what the tables say; -update writes it.
func TestConfigurationDocument(t *testing.T) {
	path := filepath.Join(moduleRoot(t), "docs", "configuration.md")
	want := document(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readAll(t, path) != want {
		t.Error("docs/configuration.md differs from the tables; run: go generate ./internal/hadoopconf")
	}
}

func document(t *testing.T) string {
	var b strings.Builder
	b.WriteString(readAll(t, "testdata/configuration-head.md"))
	for _, part := range []struct {
		status hadoopconf.Status
		title  string
		intro  string
	}{
		{hadoopconf.Obeyed, "Keys that are obeyed", ""},
		{hadoopconf.Refused, "Keys that are refused",
			"These ask for protection that is not built yet. The process ends with exit code 255 and names the key."},
		{hadoopconf.Warned, "Keys that are ignored with a warning",
			"A Java JournalNode obeys them. One warning at start names the key and what is ignored, if it is set to " +
				"something other than what gojn does anyway."},
		{hadoopconf.Unused, "Keys without effect", "They matter only to what is off, refused, or another process's. " +
			"Nothing is said about them."},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n", part.title)
		if part.intro != "" {
			b.WriteString(part.intro + "\n\n")
		}
		b.WriteString("| Key | Hadoop 2.7 | Hadoop 3.4 | Type | What it does | Test |\n|---|---|---|---|---|---|\n")
		for _, k := range hadoopconf.Keys() {
			if k.Status != part.status {
				continue
			}
			about := k.About
			if k.ByRelease {
				about += " (default by gojn.compat.release)"
			}
			row := []string{code(k.Name), shown(k.Default27), shown(k.Default34), k.Type, about, code(k.Test)}
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	b.WriteString("\n## Keys of ssl-server.xml and ssl-client.xml\n\n" + sslIntro + "\n\n" +
		"| Key | Default | Type | What it does | Test |\n|---|---|---|---|---|\n")
	for _, k := range hadoopconf.SSLKeys() {
		about := k.About
		if k.Status == hadoopconf.Refused {
			about = "refused: " + about
		}
		row := []string{code(k.Name), shown(k.Default34), k.Type, about, code(k.Test)}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	b.WriteString("\n## Where the releases differ\n\n`gojn.compat.release` decides the rows that say so. " +
		"The others are served by one rule.\n\n| Subject | 2.7.7 | 3.4.2 | gojn | Test |\n|---|---|---|---|---|\n")
	for _, r := range hadoopconf.CompatRows() {
		row := []string{r.Subject, r.In27, r.In34, r.Gojn, code(r.Test)}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}

const sslIntro = "`dfs.https.server.keystore.resource` and `hadoop.ssl.client.conf` name these files; they lie in the " +
	"configuration directory. Each is read by itself: what the site files say of these keys does not count, and theirs are the " +
	"only values that `${name}` finds, beside system properties and the environment. The first is only read if " +
	"`dfs.http.policy` has HTTPS. What is wrong with the second ends the start if it has, else it draws a warning."

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func shown(d hadoopconf.Default) string {
	if s := d.String(); s == "none" || s == "–" {
		return s
	}
	return code(d.Value)
}
