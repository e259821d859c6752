package hadoop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// launcher starts processes from one operating system thread and knows them all. The kernel sends Pdeathsig when
// the *thread* that forked ends, and only a locked thread is sure to live as long as its goroutine does.
type launcher struct {
	requests chan func()
	quit     chan struct{}
	stopped  chan struct{}

	mu        sync.Mutex
	processes []*Process
	starts    map[string]int // per name
}

func newLauncher() *launcher {
	l := &launcher{
		requests: make(chan func()), quit: make(chan struct{}), stopped: make(chan struct{}),
		starts: make(map[string]int),
	}
	go l.run()
	return l
}

// run owns the thread that forks, until close.
func (l *launcher) run() {
	runtime.LockOSThread()
	defer close(l.stopped)
	for {
		select {
		case request := <-l.requests:
			request()
		case <-l.quit:
			return
		}
	}
}

// start runs argv with dir as its working directory and the log in dir/logs/<name>.<n>.log. configure may change the
// command before it starts.
func (l *launcher) start(name, dir string, argv []string, configure func(*exec.Cmd)) (*Process, error) {
	l.mu.Lock()
	l.starts[name]++
	logPath := filepath.Join(dir, "logs", fmt.Sprintf("%s.%d.log", name, l.starts[name]))
	l.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()

	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if configure != nil {
		configure(cmd)
	}
	p := &Process{Name: name, Log: logPath, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	request := func() {
		p.Started = time.Now()
		started <- cmd.Start()
	}
	select {
	case l.requests <- request:
	case <-l.quit:
		return nil, fmt.Errorf("start %s: the site is closed", name)
	}
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	l.mu.Lock()
	l.processes = append(l.processes, p)
	l.mu.Unlock()
	return p, nil
}

// running returns the processes that have not ended.
func (l *launcher) running() []*Process {
	l.mu.Lock()
	defer l.mu.Unlock()
	var alive []*Process
	for _, p := range l.processes {
		if p.Running() {
			alive = append(alive, p)
		}
	}
	return alive
}

// close kills what still runs and waits for it.
func (l *launcher) close() {
	alive := l.running()
	for _, p := range alive {
		p.signal(syscall.SIGKILL)
	}
	for _, p := range alive {
		<-p.done
	}
	close(l.quit)
	<-l.stopped
}
