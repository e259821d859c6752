package compat_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// compare compares the answers and the tree of one state with those of the model.
func (w *swapWay) compare(state swapState, model *swapWay) {
	w.t.Helper()
	if state.refused != served {
		w.compareRefusals(state, model)
		return
	}
	if state.withheld && w.maker == hadoop.Java && w.taker == hadoop.Ours {
		w.compareWithheld(state, model)
		return
	}
	listed := make(map[string]string)
	if w.taker == hadoop.Ours && model.taker != hadoop.Ours {
		maps.Copy(listed, state.oursTakes)
	}
	if w.maker == hadoop.Ours && model.maker != hadoop.Ours {
		maps.Copy(listed, state.oursMakes)
	}
	var problems []string
	differ := func(label, ours, theirs string) {
		d, differs := listed[label]
		delete(listed, label)
		if differs == (ours == theirs) || !strings.Contains(ours, d) {
			problems = append(problems, fmt.Sprintf("%s: %s\n  model: %s\n  listed: %q", label, ours, theirs, d))
		}
	}
	like := cmp.Or(state.like, state.name)
	got, want := w.answers[state.name], model.answers[like]
	labels := make(map[string]bool)
	for _, a := range slices.Concat(want, got) {
		if !labels[a.label] {
			differ(a.label, textOf(got, a.label), textOf(want, a.label))
		}
		labels[a.label] = true
	}
	kept, trees := oracle.CompareTrees(w.trees[state.name], model.trees[like])
	for _, p := range slices.Concat(kept, trees) {
		differ(strings.Fields(p)[0], p, "")
	}
	for label := range listed {
		problems = append(problems, label+" is listed as a difference and is none")
	}
	if last := want[len(want)-1]; strings.HasPrefix(last.text, "FAIL") {
		problems = append(problems, fmt.Sprintf("the model came to no end: %s: %s", last.label, last.text))
	}
	if len(problems) > 0 {
		w.t.Errorf("%s: %s (%s)\n%s", w.name, state.name, state.why, strings.Join(problems, "\n"))
	}
}

// textOf is the answer of a label, empty if there is none.
func textOf(answers []answer, label string) string {
	i := slices.IndexFunc(answers, func(a answer) bool { return a.label == label })
	if i < 0 {
		return ""
	}
	return answers[i].text
}

// compareWithheld is compare for a directory that ours, without its peers, must not vote with: it answers all else as
// Java's node does, and Java's node has it back as it was.
func (w *swapWay) compareWithheld(state swapState, model *swapWay) {
	w.t.Helper()
	want := model.answers[state.name]
	for _, a := range w.answers[state.name] {
		question := strings.TrimPrefix(strings.TrimPrefix(a.label, "taken "), "back ")
		should := textOf(want, "taken "+question)
		if a.label == "taken new epoch" {
			should = "FAIL java.io.IOException"
		}
		if a.text != should {
			w.t.Errorf("%s: %s: %s: %s, want %s", w.name, state.name, a.label, a.text, should)
		}
	}
	if !usable(w.answers[state.name]) {
		w.t.Errorf("%s: %s: of no use to Java's node: %v", w.name, state.name, w.answers[state.name])
	}
}

// compareRefusals is compare for a directory that no Java node serves.
func (w *swapWay) compareRefusals(state swapState, model *swapWay) {
	w.t.Helper()
	for turn, kind := range map[string]hadoop.Kind{"taken": w.taker, "back": w.maker} {
		ofTurn := func(answers []answer) []answer {
			return slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return !strings.HasPrefix(a.label, turn+" ") })
		}
		got, want := ofTurn(w.answers[state.name]), ofTurn(model.answers[state.name])
		switch is := usable(got); {
		case turn == "back" && kind == hadoop.Java && w.taker == hadoop.Ours: // which may have mended it
		case usable(want):
			w.t.Errorf("%s: %s: Java's node serves it: %v", w.name, state.name, want)
		case is != (kind == hadoop.Ours && state.refused == serves):
			w.t.Errorf("%s: %s: %s: served %t by %s, listed: ours %s: %v",
				w.name, state.name, turn, is, kind, state.refused, got)
		}
	}
}
