package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// classText is a class file without members: its name, its superclass, further strings, and calls as class.method.
func classText(name, super string, words, calls []string) []byte {
	var pool bytes.Buffer
	next := uint16(1)
	add := func(parts ...any) uint16 {
		for _, part := range parts {
			switch p := part.(type) {
			case byte:
				pool.WriteByte(p)
			case uint16:
				_ = binary.Write(&pool, binary.BigEndian, p) // a buffer takes all
			case string:
				pool.WriteString(p)
			}
		}
		next++
		return next - 1
	}
	utf8 := func(s string) uint16 { return add(byte(1), uint16(len(s)), s) }
	class := func(s string) uint16 { return add(byte(7), utf8(s)) }
	add(byte(5), strings.Repeat("\x00", 8)) // a long takes two places
	next++
	this, above := class(name), class(super)
	for _, w := range words {
		utf8(w)
	}
	for _, c := range calls {
		owner, method, _ := strings.Cut(c, ".")
		signature := add(byte(12), utf8(method), utf8("()V"))
		add(byte(10), class(owner), signature)
	}
	head := binary.BigEndian.AppendUint32(nil, 0xCAFEBABE)
	head = binary.BigEndian.AppendUint32(head, 61)
	head = binary.BigEndian.AppendUint16(head, next)
	tail := binary.BigEndian.AppendUint16(nil, 1)
	tail = binary.BigEndian.AppendUint16(tail, this)
	tail = binary.BigEndian.AppendUint16(tail, above)
	return append(append(head, pool.Bytes()...), tail...)
}

// TestDiscover: who gets a JournalNode by any way is found, who only has a similar name is not.
func TestDiscover(t *testing.T) {
	const object, mini, ha = "java/lang/Object", "org/apache/hadoop/hdfs/qjournal/MiniJournalCluster",
		"org/apache/hadoop/hdfs/server/namenode/ha/HATestUtil"
	files := fstest.MapFS{"META-INF/NOTICE.txt": {Data: []byte("no class")}}
	put := func(name, super string, words, calls []string) {
		files[name+".class"] = &fstest.MapFile{Data: classText(name, super, words, calls)}
	}
	put(mini, object, nil, nil)
	put(ha, object, nil, []string{"org/apache/hadoop/hdfs/qjournal/MiniQJMHACluster.start"})
	put("a/TestCalls", object, nil, []string{mini + ".shutdown"})
	put("a/TestField", object, []string{"L" + mini + ";"}, nil)
	put("a/TestNested", object, nil, nil)
	put("a/TestNested$Inner", object, nil, []string{mini + "$Builder.build"})
	put("a/TestBelow", "a/TestCalls", nil, nil)
	put("a/TestFarBelow", "a/TestBelow", nil, nil)
	put("a/TestBelowNested", "a/TestNested$Inner", nil, nil)
	put("a/TestNode", object, []string{"org/apache/hadoop/hdfs/qjournal/server/JournalNode"}, nil)
	put("a/TestObserver", object, nil, []string{ha + ".setUpObserverCluster"})
	put("a/TestOtherHelp", object, nil, []string{ha + ".waitForStandbyToCatchUp"})
	put("a/TestSimilar", object, []string{mini + "s", "org/apache/hadoop/hdfs/qjournal/server/JournalNodeInfo"}, nil)
	want := []string{"a.TestBelow", "a.TestBelowNested", "a.TestCalls", "a.TestFarBelow", "a.TestField", "a.TestNested", "a.TestNode",
		"a.TestObserver"}
	got, err := discover(files)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; -want +got\n%s", err, diff)
	}
	put("a/NewHelper", object, nil, []string{mini + ".shutdown"})
	if _, err := discover(files); err == nil || !strings.Contains(err.Error(), "a.NewHelper") {
		t.Errorf("an unknown helper: %v", err)
	}
	if _, err := discover(fstest.MapFS{"a.txt": {}}); err == nil {
		t.Error("no class at all is no error")
	}
	whole := classText("a/TestA", object, []string{"word"}, []string{mini + ".shutdown"})
	for n := range whole {
		if _, err := parseClass(whole[:n]); err == nil {
			t.Errorf("a class file that is cut off after %d of %d bytes is read", n, len(whole))
		}
	}
}

// TestCheckDiscovered: the committed list and the jar are the same, both ways.
func TestCheckDiscovered(t *testing.T) {
	list := classList{classes: []class{{name: "a.TestA"}, {name: "a.TestB"}, {name: ownTests}}, left: map[string]string{"a.TestC": "why"}}
	if problems := checkDiscovered([]string{"a.TestA", "a.TestB", "a.TestC"}, list); len(problems) != 0 {
		t.Errorf("the same: %q", problems)
	}
	problems := checkDiscovered([]string{"a.TestA", "a.TestD"}, list)
	if len(problems) != 3 || !strings.Contains(problems[0], "a.TestD") || !strings.Contains(problems[1], "a.TestB") ||
		!strings.Contains(problems[2], "a.TestC") {
		t.Errorf("one more and two less: %q", problems)
	}
}
