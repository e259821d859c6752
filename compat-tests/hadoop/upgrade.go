package hadoop

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
)

// UseRelease makes the NameNodes and the tools those of another release, from their next start on. JournalNodes stay what
// they are.
func (c *Cluster) UseRelease(install *Installation) {
	site := *c.Site
	site.Install = install
	c.Site = &site
	for _, n := range c.AllNameNodes() {
		n.site = c.Site
	}
}

// Rollback runs "namenode -rollback" and says yes to its question.
func (n *NameNode) Rollback(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	argv := n.site.Install.argv(javaCommand{conf: n.conf, heap: "320m", class: nameNodeClass, args: []string{"-rollback"}},
		filepath.Join(n.site.Dir, "tmp"))
	p, err := n.site.launcher.start(n.ID+"-rollback", n.site.Dir, argv, func(cmd *exec.Cmd) {
		cmd.Stdin = strings.NewReader("Y\n")
	})
	if err != nil {
		return "", err
	}
	return outputOf(ctx, p)
}

// Directory is its dfs.namenode.name.dir.
func (n *NameNode) Directory() string { return n.name }
