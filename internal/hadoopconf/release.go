package hadoopconf

import "strings"

// Release says whose rules apply where Hadoop 2.7 and 3.x cannot both be served. The zero value means: what the key
// gojn.compat.release says.
type Release int

// The releases whose rules gojn knows. Release34 stands for 3.4 and 3.5, which agree in all that is configured here.
const (
	ReleaseFromKey Release = iota
	Release27
	Release34
)

// KeyCompatRelease chooses the Release: 2.7, 3.4 or 3.5, which is the same.
const KeyCompatRelease = "gojn.compat.release"

// String is the value of gojn.compat.release that means r.
func (r Release) String() string {
	switch r {
	case Release27:
		return "2.7"
	case Release34:
		return "3.4"
	default:
		return "from " + KeyCompatRelease
	}
}

// ParseRelease understands a value of gojn.compat.release, surrounding blanks aside; any other word is a *KeyError.
func ParseRelease(value string) (Release, error) {
	switch strings.TrimSpace(value) {
	case "2.7":
		return Release27, nil
	case "3.4", "3.5":
		return Release34, nil
	}
	return ReleaseFromKey, &KeyError{Key: KeyCompatRelease, Value: value,
		Reason: "unknown release", Remedy: "set 2.7, 3.4 or 3.5"}
}

// CompatRow is one subject in which Hadoop 2.7 and 3.4 differ.
type CompatRow struct {
	Subject string
	In27    string // what 2.7.7 does
	In34    string // what 3.4.2 does
	// Gojn tells what gojn does: "by release" where gojn.compat.release decides, otherwise the one rule that serves both.
	Gojn string
	Test string // the test that runs the row under both releases
}

// CompatRows is every difference between the releases in what this package reads or decides.
func CompatRows() []CompatRow {
	const byRelease = "by release"
	return []CompatRow{
		{"default of dfs.image.transfer.bandwidthPerSec", "0 (no limit)", "52428800 (50 MiB/s)", byRelease,
			"TestCompat_TransferThrottle"},
		{"default of dfs.journalnode.edits.dir.perm", "none: the umask decides", "700", byRelease,
			"TestCompat_EditsDirPerm"},
		{"default of dfs.journalnode.enable.sync", "none: nodes do not ask each other", "true", byRelease, "TestCompat_EnableSync"},
		{"form of /conf", "`?format=xml` or `json`, else 400; `name=` ignored",
			"by the Accept header; `?name=` gives one property", byRelease, "TestCompat_ConfServlet"},
		{"`<property name= value= final=/>`", "ignored", "read", byRelease, "TestCompat_ShortForm"},
		{"`${env.X}`, `${env.X-def}`, `${env.X:-def}`", "literal text (or a key of that name)", "expanded", byRelease,
			"TestCompat_EnvironmentVariables"},
		{"CDATA and text mixed in one element", "the first piece counts", "joined", byRelease, "TestCompat_CDATA"},
		{"an element other than `<property>` around name and value", "read like a property, with a warning", "ignored",
			byRelease, "TestCompat_UnexpectedElement"},
		{"`<include href=>` without the XInclude name space", "ignored, with a warning", "included", byRelease,
			"TestCompat_PlainInclude"},
		{"an HDFS key in core-site.xml that only 3.4's hdfs-default.xml has (dfs.journalnode.edits.dir)",
			"core-site.xml counts", "hdfs-default.xml, read later, wins", byRelease, "TestCompat_KeyInCoreSite"},
		{"TLS of downloads from nodes that serve HTTPS", "1.2: its Jetty breaks 1.3 off, which Java 8u261 and later offer for it",
			"1.2 and 1.3", byRelease, "TestCompat_DownloadTLS"},
		{"hadoop.ssl.enabled.protocols without TLSv1.2 and TLSv1.3, or with an unknown name",
			"servers do not read the key", "counts", "by release: 1.2 and 1.3 are served, with a warning; the start is refused",
			"TestCompat_Protocols"},
		{"a dfs.xframe.value that is none", "the key is unknown", "the key is unknown; in 3.5.0 the start fails",
			"by release: a warning; the start is refused", "TestCompat_XFrame"},
		{"default of ipc.maximum.data.length", "67108864", "134217728", "134217728: the larger serves both",
			"TestCompat_MaxDataLength"},
		{"default of ipc.server.listen.queue.size", "128", "256", "256", "TestCompat_ListenQueue"},
		{"a value that refers to itself", "start fails after 20 expansions", "stays as written", "stays as written",
			"TestCompat_SelfReference"},
		{"lists", "split at commas", "split at commas and newlines", "commas and newlines", "TestCompat_Lists"},
		{"dfs.image.transfer.bandwidthPerSec as text", "plain long, hexadecimal allowed", "k, m, g, t, p, e suffixes",
			"both", "TestCompat_BandwidthText"},
		{"time suffixes", "lower case", "any case", "any case", "TestCompat_TimeSuffix"},
		{"`dfs.journalnode.edits.dir.<nameservice>`, bind-host keys, dfs.journalnode.handler.count", "unknown", "obeyed",
			"obeyed", "TestCompat_LaterKeys"},
	}
}
