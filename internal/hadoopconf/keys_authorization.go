package hadoopconf

// Service authorization, and whose groups are which, for its lists.
var authorizationKeys = []Key{
	{keyAuthorization, CoreDefault, file("false"), file("false"), false, "boolean", Obeyed, "",
		"true: who may open an RPC connection is said by the security.* keys below, which are also read from hadoop-policy.xml " +
			"in the configuration directory (another name: HADOOP_POLICYFILE), once, at the start", "TestKey_Authorization"},
	{keyDefaultACL, CodeOnly, code("*"), code("*"), false, "ACL", Obeyed, "",
		"who may open a connection for a protocol without a list of its own: \"user1,user2 group1,group2\", * for everybody, " +
			"one blank for nobody", aclTest},
	{keyDefaultACL + blocked, CodeOnly, none, none, false, "ACL", Obeyed, "", "who may not, whatever else is said", aclTest},
	{keyDefaultHosts, CodeOnly, code("*"), code("*"), false, "hosts", Obeyed, "",
		"from where: addresses, IPv4 ranges like 10.0.0.0/8, host names (looked up at the start), or *", aclTest},
	{keyDefaultHosts + blocked, CodeOnly, none, none, false, "hosts", Obeyed, "", "from where not", aclTest},
	{qjournalRules + ".acl", CodeOnly, none, none, false, "ACL", Obeyed, "",
		"who may open a connection for QJournalProtocol: the NameNodes' users and, for its questions to other nodes, the " +
			"JournalNodes' own; without it the default", aclTest},
	{qjournalRules + ".acl" + blocked, CodeOnly, none, none, false, "ACL", Obeyed, "",
		"who may not; without it the default", aclTest},
	{qjournalRules + ".hosts", CodeOnly, none, none, false, "hosts", Obeyed, "",
		"from where; without it the default", aclTest},
	{qjournalRules + ".hosts" + blocked, CodeOnly, none, none, false, "hosts", Obeyed, "",
		"from where not; without it the default", aclTest},
	{interRules + ".acl", CodeOnly, unknown, none, false, "ACL", Obeyed, "",
		"who may open a connection for InterQJournalProtocol: the JournalNodes' own users; without it the default", aclTest},
	{interRules + ".acl" + blocked, CodeOnly, unknown, none, false, "ACL", Obeyed, "",
		"who may not; without it the default", aclTest},
	{interRules + ".hosts", CodeOnly, unknown, none, false, "hosts", Obeyed, "",
		"from where; without it the default", aclTest},
	{interRules + ".hosts" + blocked, CodeOnly, unknown, none, false, "hosts", Obeyed, "",
		"from where not; without it the default", aclTest},
	{keyGroupMapping, CoreDefault, file(jniWithFallback), file(jniWithFallback), false, "class", Refused, "",
		"the system's groups: JniBasedUnixGroupsMappingWithFallback, JniBasedUnixGroupsMapping or ShellBasedUnixGroupsMapping, " +
			"all by the command id, or without one by /etc/group; others are not built yet. Read with " +
			"hadoop.security.authorization", "TestKey_GroupMapping"},
	{keyGroupsCache, CoreDefault, file("300"), file("300"), false, "long", Obeyed, "",
		"seconds that a user's groups hold; if they cannot be had anew, or the system knows no such user any more, they hold ten " +
			"times as long", "TestKey_GroupTimes"},
	{keyNegativeCache, CoreDefault, file("30"), file("30"), false, "long", Obeyed, "",
		"seconds that a user without groups has none, or one whose groups could not be had; 0 or less: looked up each time", "TestKey_GroupTimes"},
	{keyGroupTimeout, CoreDefault, unknown, file("0s"), false, "time", Obeyed, "",
		"how long a user's groups may take to be found, and how long that may wait for others before; 0, and more than 30 s, " +
			"means 30 s", "TestKey_GroupTimes"},
	{keyStaticGroups, CoreDefault, file("dr.who=;"), file("dr.who=;"), false, "text", Obeyed, "",
		"groups of users that are not looked up: user=group1,group2;user2=", "TestKey_StaticGroups"},
}

const (
	keyAuthorization = "hadoop.security.authorization"

	keyDefaultACL   = "security.service.authorization.default.acl"
	keyDefaultHosts = "security.service.authorization.default.hosts"
	qjournalRules   = "security.qjournal.service.protocol"
	interRules      = "security.interqjournal.service.protocol"
	blocked         = ".blocked"

	keyGroupMapping  = "hadoop.security.group.mapping"
	keyGroupsCache   = "hadoop.security.groups.cache.secs"
	keyNegativeCache = "hadoop.security.groups.negative-cache.secs"
	keyGroupTimeout  = "hadoop.security.groups.shell.command.timeout"
	keyStaticGroups  = "hadoop.user.group.static.mapping.overrides"

	jniWithFallback = "org.apache.hadoop.security.JniBasedUnixGroupsMappingWithFallback"
	aclTest         = "TestKey_ServiceLists"
)
