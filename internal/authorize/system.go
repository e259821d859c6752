package authorize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"time"
)

// SystemGroups looks groups up as the system does, by the command id, which also asks what nsswitch.conf names (SSSD, LDAP);
// where there is no id, as in an image with nothing in it, by /etc/passwd and /etc/group alone.
func SystemGroups() (look Lookup, byFiles bool) {
	path, err := exec.LookPath("id")
	if err != nil {
		return fileGroups, true
	}
	return idGroups(path), false
}

// numeric names mean a number to id, whose groups are somebody else's.
func numeric(name string) bool {
	return strings.HasPrefix(name, "+") || strings.Trim(name, "0123456789") == ""
}

// idGroups is Java's ShellBasedUnixGroupsMapping, without a shell. Names are separated by NUL where id knows how: they may
// hold blanks. Of groups without a name the others are given.
func idGroups(path string) Lookup {
	return func(ctx context.Context, name string) ([]string, error) {
		if numeric(name) {
			return nil, nil
		}
		for _, zero := range []string{"z", ""} {
			names, whole, err := runID(ctx, path, "-Gn"+zero, name)
			if err != nil {
				return nil, err
			}
			if whole {
				return names, nil
			}
			if len(names) == 0 {
				continue // no such user, or no such flag
			}
			numbers, _, err := runID(ctx, path, "-G"+zero, name)
			if err != nil {
				return nil, err
			}
			if len(numbers) != len(names) {
				return nil, fmt.Errorf("%s: %d names of groups, and %d numbers", path, len(names), len(numbers))
			}
			var known []string
			for i, group := range names {
				if group != numbers[i] {
					known = append(known, group)
				}
			}
			return known, nil
		}
		return nil, nil
	}
}

// runID gives what id prints; whole is false if it ended with 1, as it does if there is no such user, or such a flag, or if a
// group has no name. Every other end tells nothing of the user.
func runID(ctx context.Context, path, flags, name string) (words []string, whole bool, err error) {
	cmd := exec.CommandContext(ctx, path, flags, "--", name)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("%s %s: %w", path, flags, context.Cause(ctx))
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return nil, false, fmt.Errorf("%s %s: %w", path, flags, err)
	}
	if strings.HasSuffix(flags, "z") {
		words = slices.DeleteFunc(strings.Split(out.String(), "\x00"), func(w string) bool { return w == "" })
	} else {
		words = strings.Fields(out.String())
	}
	return words, err == nil, nil
}

// fileGroups reads the files that every system has.
func fileGroups(_ context.Context, name string) ([]string, error) {
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	var groups []string
	for _, id := range ids {
		if group, err := user.LookupGroupId(id); err == nil {
			groups = append(groups, group.Name)
		}
	}
	return groups, nil
}
