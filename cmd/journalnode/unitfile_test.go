package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unitFile is installed by docs/systemd.md. scripts/systemd-test.sh starts it in a booted system.
const unitFile = "../../packaging/systemd/hadoop-hdfs-journalnode.service"

// verifyUnit is what systemd-analyze says of the unit file, changed by edits (old, new, ...), with the command as it is built.
func verifyUnit(t *testing.T, edits ...string) (said string, err error) {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	must(t, err)
	unit := string(text)
	for i, edits := 0, append([]string{"=/usr/bin/journalnode ", "=" + command + " "}, edits...); i < len(edits); i += 2 {
		if strings.Count(unit, edits[i]) != 1 {
			t.Fatalf("%q is not once in the unit file", edits[i])
		}
		unit = strings.Replace(unit, edits[i], edits[i+1], 1)
	}
	name := filepath.Join(t.TempDir(), filepath.Base(unitFile))
	writeFile(t, name, unit)
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", name).CombinedOutput()
	return string(out), err
}

// TestUnitFile: systemd knows every line, and the exit codes are those that the command has.
func TestUnitFile(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("COMPAT") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if said, err := verifyUnit(t); err != nil || said != "" {
		t.Errorf("%v\n%s", err, said)
	}
	for name, edit := range map[string][2]string{
		"an unknown key":        {"RestartSec=5", "RestartSecond=5"},
		"a bad value":           {"TasksMax=8192", "TasksMax=many"},
		"a program not there":   {"journalnode run ", "journalnode-not-there run "},
		"an unknown system set": {"@system-service", "@no-such-set"},
	} {
		if said, err := verifyUnit(t, edit[0], edit[1]); err == nil && said == "" {
			t.Errorf("control: %s passes", name)
		}
	}
}

// TestUnitFileLines: what must agree with the code and with other files.
func TestUnitFileLines(t *testing.T) {
	text, err := os.ReadFile(unitFile)
	must(t, err)
	lines := "\n" + string(text)
	for _, line := range []string{
		"Type=notify", "SuccessExitStatus=129 130 143", "RestartPreventExitStatus=255", "Restart=on-failure", "User=hdfs", "Group=hadoop",
		"EnvironmentFile=-/etc/default/hadoop-hdfs-journalnode",
	} {
		if !strings.Contains(lines, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if exitStartFailed != 255 || stopContract.Seconds() != 5 || !strings.Contains(lines, "\nTimeoutStopSec=10\n") {
		t.Errorf("a failed start ends with %d, a stop within %v: does the unit file know?", exitStartFailed, stopContract)
	}
	if strings.Contains(lines, "\nPrivateTmp=") || strings.Contains(lines, "\nProtectHome=") || strings.Contains(lines, "=strict\n") {
		t.Error("it would hide or lose an edits directory that lies anywhere")
	}
}
