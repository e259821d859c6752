package jmx

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Process makes the beans that a Java process has about itself, from Go's own numbers: java.lang:type=Memory, Runtime,
// Threading, OperatingSystem, and Hadoop's JvmMetrics. Names and units are Java's; what has no honest counterpart in Go
// is left out, and -1 stands for "no limit" and "unknown" as java.lang.management.MemoryUsage defines it.
//
// Nothing here stops the world. It may be used by many goroutines at once.
type Process struct {
	Name     string // tag.ProcessName and the service of the ObjectName: "JournalNode"
	Hostname string // tag.Hostname
	Started  time.Time
}

// The numbers read from runtime/metrics.
const (
	heapObjects  = "/memory/classes/heap/objects:bytes"
	heapUnused   = "/memory/classes/heap/unused:bytes"
	heapFree     = "/memory/classes/heap/free:bytes"
	heapReleased = "/memory/classes/heap/released:bytes"
	memTotal     = "/memory/classes/total:bytes"
	memLimit     = "/gc/gomemlimit:bytes"
	osThreads    = "/sched/threads/total:threads"
	goroutines   = "/sched/goroutines:goroutines"
	goRunnable   = "/sched/goroutines/runnable:goroutines"
	goRunning    = "/sched/goroutines/running:goroutines"
	goOutside    = "/sched/goroutines/not-in-go:goroutines"
	goWaiting    = "/sched/goroutines/waiting:goroutines"
)

// readings are values of runtime/metrics by name; a name that this Go release does not know is absent.
type readings map[string]int64

func read() readings {
	names := []string{heapObjects, heapUnused, heapFree, heapReleased, memTotal, memLimit,
		osThreads, goroutines, goRunnable, goRunning, goOutside, goWaiting}
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	r := make(readings, len(samples))
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			r[s.Name] = int64(min(s.Value.Uint64(), math.MaxInt64))
		}
	}
	return r
}

// usage is Java's MemoryUsage, in bytes.
type usage struct{ used, committed, max int64 }

// heap: used are live and not yet swept objects, committed is what the heap holds of the operating system's memory, max
// is the soft limit (GOMEMLIMIT), -1 without one.
func (r readings) heap() usage {
	u := usage{used: r[heapObjects], committed: r[heapObjects] + r[heapUnused] + r[heapFree], max: -1}
	if limit, ok := r[memLimit]; ok && limit != math.MaxInt64 {
		u.max = limit
	}
	return u
}

// nonHeap is the rest of what the runtime holds: stacks, its own structures.
func (r readings) nonHeap() usage {
	n := r[memTotal] - r[heapReleased] - r.heap().committed
	return usage{used: n, committed: n, max: -1}
}

func (u usage) attrs() Attrs {
	return Attrs{{"committed", u.committed}, {"init", int64(-1)}, {"max", u.max}, {"used", u.used}}
}

// Beans makes the beans; now is for Uptime.
func (p Process) Beans(now time.Time) []Bean {
	r := read()
	return []Bean{p.runtime(now), r.threading(), operatingSystem(), p.jvmMetrics(r), {
		Name: "java.lang:type=Memory", ModelerType: "sun.management.MemoryImpl",
		Attrs: []Attr{{"HeapMemoryUsage", r.heap().attrs()}, {"NonHeapMemoryUsage", r.nonHeap().attrs()},
			{"ObjectName", "java.lang:type=Memory"}},
	}}
}

func (p Process) runtime(now time.Time) Bean {
	return Bean{Name: "java.lang:type=Runtime", ModelerType: "sun.management.RuntimeImpl", Attrs: []Attr{
		{"Name", fmt.Sprintf("%d@%s", os.Getpid(), p.Hostname)},
		{"Pid", os.Getpid()},
		{"StartTime", p.Started.UnixMilli()},
		{"Uptime", now.Sub(p.Started).Milliseconds()},
		{"VmName", "Go"},
		{"VmVersion", runtime.Version()},
		{"ObjectName", "java.lang:type=Runtime"},
	}}
}

// threading counts threads of the operating system, as Java does, and goroutines under a name of their own.
func (r readings) threading() Bean {
	b := Bean{Name: "java.lang:type=Threading", ModelerType: "com.sun.management.internal.HotSpotThreadImpl"}
	if n, ok := r[osThreads]; ok {
		b.Attrs = append(b.Attrs, Attr{"ThreadCount", n})
	}
	b.Attrs = append(b.Attrs, Attr{"GoroutineCount", r[goroutines]}, Attr{"ObjectName", "java.lang:type=Threading"})
	return b
}

const mib = 1 << 20

func megabytes(bytes int64) float32 {
	if bytes < 0 {
		return -1
	}
	return float32(float64(bytes) / mib)
}

// jvmMetrics is org.apache.hadoop.metrics2.source.JvmMetrics. Its threads are goroutines by state: they are what a Java
// node has threads for, and what an operator reads these numbers for.
func (p Process) jvmMetrics(r readings) Bean {
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	heap, rest := r.heap(), r.nonHeap()
	return Bean{Name: "Hadoop:service=" + p.Name + ",name=JvmMetrics", ModelerType: "JvmMetrics", Attrs: []Attr{
		{"tag.Context", "jvm"},
		{"tag.ProcessName", p.Name},
		{"tag.SessionId", nil},
		{"tag.Hostname", p.Hostname},
		{"MemNonHeapUsedM", megabytes(rest.used)},
		{"MemNonHeapCommittedM", megabytes(rest.committed)},
		{"MemNonHeapMaxM", megabytes(rest.max)},
		{"MemHeapUsedM", megabytes(heap.used)},
		{"MemHeapCommittedM", megabytes(heap.committed)},
		{"MemHeapMaxM", megabytes(heap.max)},
		{"MemMaxM", megabytes(heap.max)},
		{"GcCount", gc.NumGC},
		{"GcTimeMillis", gc.PauseTotal.Milliseconds()},
		{"ThreadsRunnable", r[goRunnable] + r[goRunning] + r[goOutside]},
		{"ThreadsWaiting", r[goWaiting]},
	}}
}

// operatingSystem leaves out what this system does not tell.
func operatingSystem() Bean {
	b := Bean{Name: "java.lang:type=OperatingSystem", ModelerType: "com.sun.management.internal.OperatingSystemImpl"}
	add := func(name string, v int64, ok bool) {
		if ok {
			b.Attrs = append(b.Attrs, Attr{name, v})
		}
	}
	open, ok := openDescriptors()
	add("OpenFileDescriptorCount", open, ok)
	limit, ok := maxDescriptors()
	add("MaxFileDescriptorCount", limit, ok)
	cpu, ok := cpuTime()
	add("ProcessCpuTime", cpu.Nanoseconds(), ok)
	name := runtime.GOOS
	if name == "linux" {
		name = "Linux" // as Java's os.name
	}
	b.Attrs = append(b.Attrs,
		Attr{"AvailableProcessors", runtime.GOMAXPROCS(0)},
		Attr{"Arch", runtime.GOARCH},
		Attr{"Name", name})
	if load, ok := loadAverage(); ok {
		b.Attrs = append(b.Attrs, Attr{"SystemLoadAverage", load})
	}
	b.Attrs = append(b.Attrs, Attr{"ObjectName", "java.lang:type=OperatingSystem"})
	return b
}
