package hadoopconf_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSecretsAreNotTold: neither a warning nor an error shows a value that /conf hides, by default or by configuration.
func TestSecretsAreNotTold(t *testing.T) {
	const final = `<configuration><property><name>%[1]s</name><value>%[2]s</value><final>true</final></property>` +
		`<property><name>%[1]s</name><value>NEWSECRET</value></property>%[3]s</configuration>`
	location := func(side, store string) string {
		return "<property><name>ssl." + side + "." + store + ".location</name><value>/x</value></property>"
	}
	const server, client = "ssl.server.keystore.password", "ssl.client.truststore.password"
	for name, c := range map[string]struct {
		file, text string
		defines    []string
		key        string
		fails      bool
	}{
		"ssl-server.xml": {"ssl-server.xml", fmt.Sprintf(final, server, "OLD", location("server", "keystore")), nil, server, false},
		"ssl-client.xml": {"ssl-client.xml", fmt.Sprintf(final, client, "OLD", location("client", "truststore")), nil, client, false},
		"configured": {"core-site.xml", fmt.Sprintf(final, "ipc.maximum.data.length", "1", ""),
			[]string{"hadoop.security.sensitive-config-keys", "x, data.length"}, "ipc.maximum.data.length", false},
		"a warning of what is read": {"", "", []string{"gojn.secret", "NEWSECRET"}, "gojn.secret", false},
		"a loop": {"ssl-server.xml", "<configuration><property><name>" + server + "</name><value>NEWSECRET${a}</value></property>" +
			"<property><name>a</name><value>${b}</value></property><property><name>b</name><value>${a}</value></property>" +
			location("server", "keystore") + "</configuration>", nil, server, true},
		"a loop, where HTTPS is not served": {"ssl-client.xml", "<configuration><property><name>" + client +
			"</name><value>NEWSECRET${a}</value></property><property><name>a</name><value>${b}</value></property>" +
			"<property><name>b</name><value>${a}</value></property>" + location("client", "truststore") + "</configuration>",
			[]string{"dfs.http.policy", "HTTP_ONLY"}, client, false},
		"a value of another type": {"", "", []string{"ipc.maximum.data.length", "NEWSECRET",
			"hadoop.security.sensitive-config-keys", "data.length"}, "ipc.maximum.data.length", true},
	} {
		t.Run(name, func(t *testing.T) {
			files := sslFiles()
			if c.file != "" {
				files[c.file] = c.text
			}
			_, warnings, err := tryReadIn(t, confDir(t, files), append([]string{"dfs.http.policy", "HTTPS_ONLY"}, c.defines...)...)
			told := fmt.Sprint(warnings, err)
			if strings.Contains(told, "NEWSECRET") || strings.Contains(told, "OLD") ||
				!strings.Contains(told, c.key+" = '<redacted>'") || (err != nil) != c.fails {
				t.Error(told)
			}
		})
	}
}
