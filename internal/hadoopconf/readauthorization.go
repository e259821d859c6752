package hadoopconf

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Authorization is what hadoop.security.authorization switches on. Unless Enabled, nothing else is read.
type Authorization struct {
	Enabled bool
	// Release is whose words a refusal has.
	Release  Release
	Services []Service
	Groups   GroupMapping
}

// Service holds the lists of one protocol (HDFSPolicyProvider), not parsed yet.
type Service struct {
	Protocol                             string // as connections name it
	ACL, BlockedACL, Hosts, BlockedHosts Setting
}

// Setting is a value and where it was set; Key is the one that gave it, Source empty for a default of Hadoop's code.
type Setting struct{ Key, Value, Source string }

// GroupMapping says how the groups of users are found (Java Groups).
type GroupMapping struct {
	CacheTime         time.Duration       // that a user's groups hold, more than 0
	NegativeCacheTime time.Duration       // that a user has none; 0: each time anew
	Timeout           time.Duration       // that a look-up may take, more than 0
	Static            map[string][]string // groups of users that are not looked up
}

// maxGroupTimeout bounds what Java lets last for ever: the connection waits, and others with it.
const maxGroupTimeout = 30 * time.Second

// authorization reads hadoop-policy.xml besides the other files, as ServiceAuthorizationManager.refresh does: after them, but
// -D goes before it. A file that is not there leaves all to the defaults, everybody, in Java without a word.
func (r *reader) authorization() Authorization {
	if !r.boolean(keyAuthorization) {
		return Authorization{}
	}
	a := Authorization{Enabled: true, Release: r.c.release}
	// HttpServer2.isInstrumentationAccessAllowed: without authorization everybody is an administrator.
	const admin = "hadoop.security.instrumentation.requires.admin"
	if closed, _, err := r.c.Bool(admin, false); err != nil {
		r.fail(err)
	} else if closed {
		r.refuse(admin, r.text(admin), r.source(admin), "with "+keyAuthorization+
			" it closes /jmx and /conf to all but administrators, which is not supported yet", "set it to false")
	}
	policy, found, err := r.c.withPolicy()
	if err != nil {
		r.fail(err)
		return a
	}
	for _, w := range policy.warnings {
		if !slices.Contains(r.c.warnings, w) {
			r.warnings = append(r.warnings, w)
		}
	}
	if !found {
		r.warnKey(keyAuthorization, "there is no "+policy.policyFile()+" in the configuration directory: who is not named "+
			"elsewhere by a security.* key may connect")
	}
	sub := &reader{c: policy}
	names := map[string]string{"org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol": qjournalRules}
	if r.c.release != Release27 {
		names["org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocol"] = interRules
	} else if r.text("dfs.namenode.kerberos.principal") != "" {
		// SecurityUtil.getKerberosInfo of 2.7 also looks at it without Kerberos, and then nobody's name fits.
		const key = "dfs.namenode.kerberos.principal"
		r.refuse(key, r.text(key), r.source(key),
			"with "+keyAuthorization+", 2.7 compares users with it: Kerberos is not supported yet", "remove it from this node's files")
	}
	for name, rules := range names {
		a.Services = append(a.Services, Service{Protocol: name,
			ACL:          sub.setting(rules+".acl", keyDefaultACL),
			BlockedACL:   sub.setting(rules+".acl"+blocked, keyDefaultACL+blocked),
			Hosts:        sub.setting(rules+".hosts", keyDefaultHosts),
			BlockedHosts: sub.setting(rules+".hosts"+blocked, keyDefaultHosts+blocked)})
	}
	slices.SortFunc(a.Services, func(a, b Service) int { return strings.Compare(a.Protocol, b.Protocol) })
	a.Groups = r.groupMapping() // the policy file is for the lists alone, also in Java
	r.errs, r.warnings = append(r.errs, sub.errs...), append(r.warnings, sub.warnings...)
	return a
}

// setting is the value of a key, or else of another, not trimmed.
func (r *reader) setting(key, otherwise string) Setting {
	if _, ok := r.c.Property(key); !ok {
		key = otherwise
	}
	return Setting{Key: key, Value: r.value(key), Source: r.source(key)}
}

func (r *reader) groupMapping() GroupMapping {
	class := r.text(keyGroupMapping)
	switch strings.TrimPrefix(class, "org.apache.hadoop.security.") {
	case "JniBasedUnixGroupsMappingWithFallback", "JniBasedUnixGroupsMapping", "ShellBasedUnixGroupsMapping":
	default:
		r.refuse(keyGroupMapping, class, r.source(keyGroupMapping), "this group mapping is not supported yet",
			"set "+jniWithFallback+", or name users in place of groups and leave it away")
	}
	cache := saturate(parsed(r, keyGroupsCache, ParseLong), time.Second)
	if cache <= 0 {
		r.bad(keyGroupsCache, r.value(keyGroupsCache), "must be at least 1", "set a whole number of seconds", nil)
	}
	timeout := parsed(r, keyGroupTimeout, func(s string) (time.Duration, error) {
		return ParseTimeDuration(s, time.Millisecond)
	})
	if timeout <= 0 || timeout > maxGroupTimeout {
		timeout = maxGroupTimeout
	}
	return GroupMapping{
		CacheTime:         cache,
		NegativeCacheTime: max(0, saturate(parsed(r, keyNegativeCache, ParseLong), time.Second)),
		Timeout:           timeout,
		Static:            parsed(r, keyStaticGroups, parseStaticGroups),
	}
}

// parseStaticGroups is Java's Groups.parseStaticMapping: nothing is trimmed, and a part with two "=" is an error.
func parseStaticGroups(s string) (map[string][]string, error) {
	fields := func(s string, separator rune) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == separator })
	}
	static := map[string][]string{}
	for _, mapping := range fields(s, ';') {
		parts := fields(mapping, '=')
		if len(parts) < 1 || len(parts) > 2 {
			return nil, errors.New("Configuration " + keyStaticGroups + " is invalid")
		}
		static[parts[0]] = nil
		if len(parts) == 2 {
			static[parts[0]] = fields(parts[1], ',')
		}
	}
	return static, nil
}
