package repeats

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRepeats: a text is said once in an interval, with how often it was not; texts beyond a bound count as one.
func TestRepeats(t *testing.T) {
	const most = 10
	now := time.Unix(0, 0)
	r := New(time.Minute, most, func() time.Time { return now })
	var got []int
	ask := func(after time.Duration, text string) {
		now = now.Add(after)
		unsaid, say := r.Say(text)
		if !say {
			unsaid = -1
		}
		got = append(got, unsaid)
	}
	ask(0, "a")
	ask(time.Second, "a")
	ask(0, "b")
	ask(58*time.Second, "a")
	ask(time.Second, "a")
	ask(0, "a")
	if want := []int{0, -1, 0, -1, 2, -1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i := range 2 * most {
		r.Say(strings.Repeat("x", i+1))
	}
	if len(r.said) > most+1 {
		t.Errorf("%d texts are kept", len(r.said))
	}
	got = nil
	ask(0, "new")
	ask(2*time.Minute, "newer")
	if want := []int{-1, 0}; !slices.Equal(got, want) || len(r.said) > 2 {
		t.Errorf("after the bound: %v, %d kept", got, len(r.said))
	}
}
