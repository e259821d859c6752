// Package authorize decides who may open a connection: Hadoop's service authorization under simple authentication, from the
// lists of hadoop-policy.xml (Java org.apache.hadoop.security.authorize.ServiceAuthorizationManager, AccessControlList,
// org.apache.hadoop.util.MachineList, org.apache.hadoop.security.Groups).
package authorize

import (
	"slices"
	"strings"

	"gojn/internal/hadoopconf"
)

// ACL is a list of users and of groups (Java AccessControlList). It does not change.
type ACL struct {
	all           bool
	users, groups []string
}

// ParseACL reads "user1,user2 group1,group2": users up to the first blank, groups after it, * in place of either for
// everybody. No text is an error: an empty one, or one blank, names nobody; a * among others is a user or a group of that
// name.
func ParseACL(text string) ACL {
	users, groups, _ := strings.Cut(text, " ")
	for _, part := range []string{users, groups} {
		if strings.TrimFunc(part, func(r rune) bool { return r <= ' ' }) == "*" { // String.trim
			return ACL{all: true}
		}
	}
	return ACL{users: hadoopconf.ParseStringSet(users), groups: hadoopconf.ParseStringSet(groups)}
}

// Has tells whether the list holds a user, by name or by a group. groupsOf is only asked if the list has groups and not the
// user (Java isUserInList).
func (a ACL) Has(user string, groupsOf func(user string) []string) bool {
	if a.all || slices.Contains(a.users, user) {
		return true
	}
	if len(a.groups) == 0 {
		return false
	}
	return slices.ContainsFunc(groupsOf(user), func(group string) bool { return slices.Contains(a.groups, group) })
}

// HasGroups tells whether the list names groups, so that somebody's may have to be looked up.
func (a ACL) HasGroups() bool { return len(a.groups) > 0 }
