package saboteur_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/saboteur"
	"gojn/storage"
	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

// TestHookIsAFileSystem: as long as nothing is thrown it is like any other.
func TestHookIsAFileSystem(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) {
		return saboteur.Hook(vfs.OS(), func(string) error { return nil }), t.TempDir()
	})
}

// TestHookAsks: at a recovery record and at nothing else, with the state on disk that each question stands for. After an error
// before the record there is the old one; after an error behind it, the new one.
func TestHookAsks(t *testing.T) {
	dir := t.TempDir()
	thrown := errors.New("injected")
	var asked []string
	var fail string
	var onDisk func()
	fsys := saboteur.Hook(vfs.OS(), func(question string) error {
		asked = append(asked, question)
		if onDisk != nil {
			onDisk()
		}
		if fail == question {
			return thrown
		}
		return nil
	})
	d, err := storage.Open(storage.Options{FS: fsys, Root: dir, LockOwner: "1@here", Now: time.Now})
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	check(t, d.Format(storage.StorageInfo{LayoutVersion: -66, NamespaceID: 1, ClusterID: "c"}, false))
	check(t, d.SetPromisedEpoch(7))
	if len(asked) != 0 {
		t.Fatalf("asked without a record: %q", asked)
	}
	record := storage.PaxosRecord{Start: 3, End: 4, InProgress: true, AcceptedIn: 7}
	set := func(epoch storage.Epoch) error {
		asked = nil
		record.AcceptedIn = epoch
		return d.SetPaxos(record)
	}
	accepted := func(want storage.Epoch) {
		t.Helper()
		if r, ok, err := d.Paxos(3); err != nil || !ok || r.AcceptedIn != want {
			t.Errorf("the record is %v, %v, %v; want one of epoch %d", r, ok, err, want)
		}
	}
	check(t, set(7))
	if !slices.Equal(asked, []string{"before", "after"}) {
		t.Errorf("asked %q", asked)
	}
	fail, onDisk = "before", func() {
		if _, err := os.Stat(dir + "/current/paxos/3.tmp"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("before the record there is something of it: %v", err)
		}
	}
	if err := set(8); !errors.Is(err, thrown) || err.Error() != "injected" || !slices.Equal(asked, []string{"before"}) {
		t.Errorf("%v after %q", err, asked)
	}
	accepted(7)
	fail, onDisk = "after", nil
	if err := set(9); !errors.Is(err, thrown) || err.Error() != "injected" || !slices.Equal(asked, []string{"before", "after"}) {
		t.Errorf("%v after %q", err, asked)
	}
	asked = nil
	accepted(9) // which syncs the directory once more, and asks nobody
	check(t, d.DeletePaxos(3))
	if len(asked) != 0 {
		t.Errorf("asked for what is no new record: %q", asked)
	}
}

// TestHookPlan: what is answered over the socket decides; what is not understood, and nobody there, fail too.
func TestHookPlan(t *testing.T) {
	var mu sync.Mutex
	var answer string
	var asked []string
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			question, err := bufio.NewReader(conn).ReadString('\n')
			mu.Lock()
			asked = append(asked, question)
			_, werr := conn.Write([]byte(answer))
			mu.Unlock()
			if err := errors.Join(err, werr, conn.Close()); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Setenv(saboteur.HookAddress, listener.Addr().String())
	fsys, words, err := saboteur.New(vfs.OS(), "hook", nil)
	check(t, err)
	if !strings.Contains(words, listener.Addr().String()) {
		t.Errorf("words: %q", words)
	}
	dir := t.TempDir()
	check(t, fsys.Mkdir(dir+"/paxos", 0o755))
	open := func(with, want string) {
		t.Helper()
		mu.Lock()
		answer, asked = with, nil
		mu.Unlock()
		f, err := fsys.OpenFile(dir+"/paxos/1.tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		switch {
		case want == "":
			check(t, err)
			check(t, f.Close())
			check(t, fsys.Remove(dir+"/paxos/1.tmp"))
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("answer %q: %v, want %q", with, err, want)
		}
		if _, err := os.Stat(dir + "/paxos/1.tmp"); err == nil {
			t.Errorf("answer %q: the record was begun", with)
		}
	}
	open("ok\n", "")
	open("throw Injected - faking: a fault\n", "Injected - faking: a fault")
	open("maybe\n", `was answered "maybe" to "before"`)
	open("ok", "was not answered") // the connection was lost in the answer
	open("", "was not answered")
	mu.Lock()
	if !slices.Equal(asked, []string{"before\n"}) {
		t.Errorf("asked %q", asked)
	}
	mu.Unlock()
	check(t, listener.Close())
	<-done
	open("ok\n", "was not answered")

	t.Setenv(saboteur.HookAddress, "")
	if _, _, err := saboteur.New(vfs.OS(), "hook", nil); err == nil || !strings.Contains(err.Error(), saboteur.HookAddress) {
		t.Errorf("without an address: %v", err)
	}
}
