// Package hadoop runs real Hadoop processes for the compatibility tests: it fetches a release's jars, writes
// configurations, starts NameNodes, DataNodes, JournalNodes, ZooKeeper and failover controllers on loopback, waits
// until they answer, and ends every one of them again.
//
// It knows nothing of how our own JournalNode works: that one is a binary with a configuration directory like the
// Java node, so that every scenario can run on either (see [Kind]).
package hadoop

// Release is a Hadoop release that the tests run.
type Release struct {
	// Version is the Maven version of its artifacts, for example "3.4.2".
	Version string
	// artifacts of group org.apache.hadoop whose dependency trees make the class path.
	artifacts []string
	// pinned are other artifacts, group:artifact:version, whose versions Maven would choose otherwise than Hadoop's own
	// build does (its hadoop-project), so that classes are missing.
	pinned []string
	// jvm holds the flags without which the release does not run on JDK 17 (the oldest that 3.5.0 takes).
	jvm []string
}

// The releases that the first line of docs/compatibility.md promises.
var (
	Hadoop277 = Release{Version: "2.7.7", artifacts: []string{"hadoop-common", "hadoop-hdfs"}, pinned: []string{
		"org.apache.httpcomponents:httpclient:4.2.5", // a standby's upload of an image needs its URIBuilder
		"org.apache.httpcomponents:httpcore:4.2.5",
	}, jvm: []string{
		"--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
		"--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
		"--add-opens=java.base/java.lang=ALL-UNNAMED",
		"--add-opens=java.base/java.nio=ALL-UNNAMED",
		"--add-opens=java.base/java.util=ALL-UNNAMED",
		"--add-opens=java.base/java.io=ALL-UNNAMED",
		"--add-opens=java.base/java.net=ALL-UNNAMED",
		"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
	}}
	Hadoop342 = Release{
		Version: "3.4.2", artifacts: []string{"hadoop-common", "hadoop-hdfs", "hadoop-hdfs-client"},
		jvm: []string{"--add-opens=java.base/java.lang=ALL-UNNAMED"},
	}
	Hadoop350 = Release{
		Version: "3.5.0", artifacts: []string{"hadoop-common", "hadoop-hdfs", "hadoop-hdfs-client"},
		jvm: []string{"--add-opens=java.base/java.lang=ALL-UNNAMED"},
	}
)

// Releases returns every release, oldest first.
func Releases() []Release { return []Release{Hadoop277, Hadoop342, Hadoop350} }
