package jnserver_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/jnserver"
	"gojn/storage/vfs"
)

// TestRecoveryFromAnotherSource: if the node that the writer names does not have the segment, another one that has it finalized
// with exactly that range will do; what it sends is looked at just as well.
func TestRecoveryFromAnotherSource(t *testing.T) {
	const named, second, third = "http://jn1:8480/a", "http://jn2:8480/b", "http://jn3:8480/c"
	good := segmentFile(1, 4)
	refusing := errors.New("404")
	for _, c := range []struct {
		name    string
		files   map[string][]byte // what each node sends; one that is missing refuses
		sources []string          // that have the segment finalized
		asked   []string          // in this order
		from    string            // where it came from; "": the call fails
		err     string
	}{
		{"the named one has it", map[string][]byte{named: good}, []string{second}, []string{named}, named, ""},
		{"another one has it", map[string][]byte{second: good}, []string{second}, []string{named, second}, second, ""},
		{"the named one sends another end", map[string][]byte{named: segmentFile(1, 3), second: good}, []string{second},
			[]string{named, second}, second, ""},
		{"a second one is bad too", map[string][]byte{second: segmentFile(1, 5), third: good}, []string{second, third},
			[]string{named, second, third}, third, ""},
		{"the named one is not asked again", nil, []string{named, second}, []string{named, second}, "", "404"},
		{"nobody has it finalized", map[string][]byte{second: good}, nil, []string{named}, "", "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			env := newEnv(vfs.NewMem(), fetchFunc(func(_ context.Context, url string, dst io.Writer) (int64, error) {
				asked = append(asked, url)
				file, has := c.files[url]
				if !has {
					return 0, refusing
				}
				n, err := dst.Write(file)
				return int64(n), err
			}))
			env.Peers = &fakePeers{sources: c.sources}
			from := ""
			env.Events = func(_ string, e jnserver.Event) {
				if e, ok := e.(jnserver.RecoveryAccepted); ok {
					from = e.From
				}
			}
			j := openJournal(t, env)
			must(t, j.Format(formatRequest()))
			w := newWriter(t, j, 3)
			err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 1, End: 4}, named)
			if from != c.from || (err == nil) != (c.from != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("came from %q: %v", from, err)
			}
			if !slices.Equal(asked, c.asked) {
				t.Errorf("asked %q, want %q", asked, c.asked)
			}
			if err == nil {
				must(t, j.FinalizeLogSegment(w.info(), 1, 4))
			}
		})
	}
}

// TestOtherSourcesAreBounded: the named source may take its time, as in Java; the others only as long as the writer waits.
func TestOtherSourcesAreBounded(t *testing.T) {
	var asked []string
	env := newEnv(vfs.NewMem(), fetchFunc(func(ctx context.Context, url string, _ io.Writer) (int64, error) {
		asked = append(asked, url)
		return 0, errors.Join(errors.New("404"), ctx.Err())
	}))
	env.Peers = &fakePeers{sources: []string{"http://jn2:8480/b", "http://jn3:8480/c"}}
	var limit time.Duration
	env.Within = func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		limit = d
		ctx, cancel := context.WithCancel(ctx)
		cancel() // the time is over at once
		return ctx, cancel
	}
	j := openJournal(t, env)
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 3)
	err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 1, End: 4}, "http://jn1:8480/a")
	if err == nil || !slices.Equal(asked, []string{"http://jn1:8480/a"}) || limit != time.Minute {
		t.Errorf("%v; asked %q, limit %v", err, asked, limit)
	}
}

// TestFullDiskAsksNobodyElse: what fails here would fail with every source.
func TestFullDiskAsksNobodyElse(t *testing.T) {
	full := false
	broken := errors.New("the disk says no")
	env := newEnv(vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if full && op.Kind == "writeat" && strings.HasSuffix(op.Path, ".part") {
			return broken
		}
		return nil
	}), fetchBytes(segmentFile(1, 4)))
	env.Peers = &fakePeers{sources: []string{"http://jn2:8480/b"}}
	tried := 0
	env.Events = func(_ string, e jnserver.Event) {
		if _, ok := e.(jnserver.SourceFailed); ok {
			tried++
		}
	}
	j := openJournal(t, env)
	must(t, j.Format(formatRequest()))
	w := newWriter(t, j, 3)
	full = true
	err := j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 1, End: 4}, "http://jn1:8480/a")
	if !errors.Is(err, broken) || tried != 0 {
		t.Errorf("%v, and %d sources were said to have failed", err, tried)
	}
}
