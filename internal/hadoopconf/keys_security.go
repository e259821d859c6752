package hadoopconf

// Kerberos is refused, so what only it reads is unused.
var securityKeys = []Key{
	{keyAuthentication, CoreDefault, file("simple"), file("simple"), false, "word", Refused, "",
		"simple; kerberos is not built yet. The value of the site files must allow the start too, whatever -D says, " +
			"since Hadoop's login looks only there", "TestKey_Authentication"},
	{"hadoop.proxyuser.*", CodeOnly, none, none, false, "", Warned, "",
		"proxy users are not checked by these rules", "TestKey_ProxyUser"},
	{"hadoop.security.impersonation.provider.class", CodeOnly, none, none, false, "class", Warned, "",
		"proxy users are not checked by this class", warnedTest},
	{"hadoop.rpc.protection", CoreDefault, file("authentication"), file("authentication"), false, "list", Unused, "",
		"only with Kerberos", ""},
	{"hadoop.security.auth_to_local*", CodeOnly, none, none, false, "", Unused, "", "only with Kerberos", ""},
	{"hadoop.security.saslproperties.resolver.class", CodeOnly, none, none, false, "class", Unused, "",
		"only with Kerberos", ""},
	{"hadoop.kerberos.*", CodeOnly, none, none, false, "", Unused, "", "only with Kerberos", ""},
	{"dfs.journalnode.keytab.file", HDFSDefault, none, none, false, "file", Unused, "", "only with Kerberos", ""},
	{"dfs.journalnode.kerberos.principal", HDFSDefault, none, none, false, "text", Unused, "", "only with Kerberos", ""},
	{"dfs.journalnode.kerberos.internal.spnego.principal", HDFSDefault, none, none, false, "text", Unused, "",
		"only with Kerberos", ""},
	{"dfs.web.authentication.kerberos.*", CodeOnly, none, none, false, "", Unused, "", "only with Kerberos", ""},
	{"dfs.namenode.kerberos.principal*", CodeOnly, none, none, false, "", Unused, "", "only with Kerberos", ""},
	{"hadoop.security.group.mapping.*", CodeOnly, none, none, false, "", Unused, "", "only for group mappings that are refused", ""},
	{"hadoop.security.groups.cache.*", CodeOnly, none, none, false, "", Unused, "",
		"groups are looked up when a connection wants them", ""},
	{"hadoop.security.dns.*", CodeOnly, none, none, false, "", Unused, "", "only with Kerberos", ""},
	{"hadoop.security.token.service.use_ip", CoreDefault, unknown, file("true"), false, "boolean", Unused, "",
		"only with Kerberos", ""},
	{"hadoop.security.credential.*", CodeOnly, none, none, false, "", Unused, "", "only in ssl-server.xml and ssl-client.xml", ""},
	{"security.<protocol>.acl", CodeOnly, none, none, false, "ACL", Unused, "",
		"the lists of other protocols, which a JournalNode does not speak: nobody may open a connection for these", ""},
}

const (
	keyAuthentication = "hadoop.security.authentication"
)
