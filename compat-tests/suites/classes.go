package main

import (
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// usualBudget is how long a test class may take.
const usualBudget = 10 * time.Minute

// controlPatience is how many times longer a class may take with Java's node: some start hundreds, a JVM each.
const controlPatience = 6

//go:embed classes/*.txt
var classFiles embed.FS

// class is one test class of a release that is run.
type class struct {
	name   string // qualified
	core   bool   // CI runs it
	budget time.Duration
	// kill: nodes are ended by SIGKILL, which is quicker than a stop in good order. What they have acknowledged they have synced,
	// so Hadoop's test sees neither.
	kill bool
}

// classList is the committed list of a release.
type classList struct {
	classes []class
	left    map[string]string // those that are left out, with the reason
}

// listOf reads the list of a release.
func listOf(version string) (classList, error) {
	text, err := classFiles.ReadFile("classes/" + version + ".txt")
	if err != nil {
		return classList{}, fmt.Errorf("no list of classes for Hadoop %s: %w", version, err)
	}
	list, err := parseClassList(string(text))
	if err != nil {
		return classList{}, fmt.Errorf("list of classes for Hadoop %s: %w", version, err)
	}
	// Ours, on both sides too: that the Java node passes it shows that what its methods ask for is Java's rule.
	list.classes = append(list.classes, class{name: ownTests, budget: usualBudget})
	return list, nil
}

// allLists are those of all releases, by version.
func allLists() (map[string]classList, error) {
	lists := make(map[string]classList)
	for _, r := range releases {
		var err error
		if lists[r.Version], err = listOf(r.Version); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

func parseClassList(text string) (classList, error) {
	list := classList{left: make(map[string]string)}
	simple := make(map[string]bool)
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] == "-" {
			if len(words) < 3 {
				return classList{}, fmt.Errorf("line %d: a class is left out without a reason", n+1)
			}
			list.left[words[1]] = strings.Join(words[2:], " ")
			continue
		}
		c := class{name: words[0], budget: usualBudget}
		if simple[simpleName(c.name)] {
			return classList{}, fmt.Errorf("line %d: %s: results tell classes by their simple name only", n+1, c.name)
		}
		simple[simpleName(c.name)] = true
		for _, word := range words[1:] {
			if err := c.set(word); err != nil {
				return classList{}, fmt.Errorf("line %d: %q: %w", n+1, word, err)
			}
		}
		list.classes = append(list.classes, c)
	}
	if len(list.classes) == 0 {
		return classList{}, errors.New("it is empty")
	}
	return list, nil
}

// set obeys one word behind a class.
func (c *class) set(word string) error {
	key, value, _ := strings.Cut(word, "=")
	n, err := strconv.Atoi(value)
	switch {
	case word == "core":
		c.core = true
	case word == "kill":
		c.kill = true
	case key == "budget" && err == nil && n > 0:
		c.budget = time.Duration(n) * time.Second
	default:
		return errors.New("none of core, kill, budget=seconds")
	}
	return nil
}
