package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
)

// release is a Hadoop release with what its tests need beside its own jars.
type release struct {
	hadoop.Release
	// more artifacts than the release's, group:artifact:version.
	more []string
	// java are the directories of our Java sources for it, below java/.
	java []string
}

// The JUnit that runs the tests of all releases; 2.7.7 and 3.4.2 are written for JUnit 4, 3.5.0 for 5.
const (
	platform = "org.junit.platform:junit-platform-launcher:1.13.4"
	vintage  = "org.junit.vintage:junit-vintage-engine:5.13.4"
	jupiter  = "org.junit.jupiter:junit-jupiter:5.13.4"
	junit4   = "junit:junit:4.13.2"
)

var releases = []release{
	{Release: hadoop.Hadoop277, java: []string{"common", "2.7", "junit4"}, more: []string{
		platform, vintage, junit4,
		"org.mockito:mockito-all:1.8.5",
		"org.apache.hadoop:hadoop-minikdc:2.7.7 without org.apache.directory.jdbm:apacheds-jdbm1", // an OSGi bundle that no
		"org.apache.directory.jdbm:apacheds-jdbm1:2.0.0-M2",                                       // repository has; the jar is there
	}},
	{Release: hadoop.Hadoop342, java: []string{"common", "3", "junit4"}, more: []string{
		platform, vintage, junit4,
		"org.mockito:mockito-core:2.28.2",
		"net.bytebuddy:byte-buddy:1.14.19", // mockito's own does not know JDK 17
		"net.bytebuddy:byte-buddy-agent:1.14.19",
		"org.objenesis:objenesis:2.6",
		"org.assertj:assertj-core:3.12.2",
		"org.apache.hadoop:hadoop-minikdc:3.4.2",
	}},
	{Release: hadoop.Hadoop350, java: []string{"common", "3", "junit5"}, more: []string{
		platform, jupiter,
		"org.mockito:mockito-core:4.11.0",
		"org.mockito:mockito-inline:4.11.0",
		"org.mockito:mockito-junit-jupiter:4.11.0",
		"net.bytebuddy:byte-buddy:1.17.6",
		"net.bytebuddy:byte-buddy-agent:1.17.6",
		"org.objenesis:objenesis:2.6",
		"org.assertj:assertj-core:3.12.2",
		"org.apache.hadoop:hadoop-minikdc:3.5.0",
	}},
}

// artifacts are all that are beside the release's own: its tests, and what they need.
func (r release) artifacts() []string {
	return append(slices.Clone(r.more),
		"org.apache.hadoop:hadoop-common:"+r.Version+":tests",
		"org.apache.hadoop:hadoop-hdfs:"+r.Version+":tests")
}

// jvm are the flags of a JVM that runs tests: those of Hadoop's own build (hadoop-project, extraJavaTestArgs), and
// what the release needs at all.
func (r release) jvm() []string {
	flags := append(r.JVM(), "-Dnet.bytebuddy.experimental=true")
	for _, opened := range []string{"java.io", "java.lang", "java.lang.reflect", "java.math", "java.net", "java.text", "java.util",
		"java.util.concurrent", "java.util.concurrent.atomic", "java.util.zip", "sun.security.util", "sun.security.x509"} {
		if flag := "--add-opens=java.base/" + opened + "=ALL-UNNAMED"; !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	return flags
}

// findReleases are the releases of a list of versions; none are all.
func findReleases(versions string) ([]release, error) {
	if versions == "" {
		return releases, nil
	}
	var found []release
	for version := range strings.FieldsFuncSeq(versions, func(r rune) bool { return r == ',' || r == ' ' }) {
		i := slices.IndexFunc(releases, func(r release) bool { return r.Version == version })
		if i < 0 {
			return nil, fmt.Errorf("no release %q: there are 2.7.7, 3.4.2 and 3.5.0", version)
		}
		found = append(found, releases[i])
	}
	if len(found) == 0 {
		return nil, errors.New("no release is named")
	}
	return found, nil
}
