package hadoopconf

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const (
	keyTailEdits     = "dfs.ha.tail-edits.in-progress"
	keyCacheBytes    = "dfs.journalnode.edit-cache-size.bytes"
	keyCacheFraction = "dfs.journalnode.edit-cache-size.fraction"
	keyEnableSync    = "dfs.journalnode.enable.sync"
	keySyncFormat    = "dfs.journalnode.enable.sync.format"
	keySyncInterval  = "dfs.journalnode.sync.interval"
	keySyncTimeout   = "dfs.edit.log.transfer.timeout"
	keySyncBandwidth = "dfs.edit.log.transfer.bandwidthPerSec"
	keySharedEdits   = "dfs.namenode.shared.edits.dir"
	keyHANameNodes   = "dfs.ha.namenodes"
	keyResolveNames  = "dfs.namenode.edits.qjournals.resolution-enabled"
	keyResolver      = "dfs.namenode.edits.qjournals.resolver.impl"

	// DNSResolver is the one resolver of names that gojn has.
	DNSResolver = "org.apache.hadoop.net.DNSDomainNameResolver"
)

// cache reads the keys of the edits cache (JournaledEditsCache's constructor), which nobody looks at if it is off.
func (r *reader) cache() EditsCache {
	c := EditsCache{Enabled: r.boolean(keyTailEdits)}
	if !c.Enabled {
		return c
	}
	before := len(r.errs)
	fraction := parsed(r, keyCacheFraction, ParseFloat)
	if len(r.errs) == before && !(fraction > 0 && fraction < 1) { // NaN too
		r.bad(keyCacheFraction, r.value(keyCacheFraction), fmt.Sprintf("Cache config %s is set at %f, it should be a positive "+
			"float value, less than 1.0. The recommended value is less than 0.9.", keyCacheFraction, fraction),
			"set a number between 0 and 1", nil)
	}
	c.Fraction = float64(fraction)
	if r.text(keyCacheBytes) == "" {
		return c
	}
	before = len(r.errs)
	if c.Bytes = parsed(r, keyCacheBytes, ParseLong); c.Bytes <= 0 && len(r.errs) == before {
		r.warnKey(keyCacheBytes, "the edits cache can hold nothing; standbys that tail in-progress edits get them over HTTP")
		c.Bytes = 1 // no batch is as small
	}
	return c
}

// sync reads the keys of JournalNodeSyncer, which nobody looks at if it is off.
func (r *reader) sync() Sync {
	s := Sync{Enabled: r.boolean(keyEnableSync)}
	if !s.Enabled {
		return s
	}
	s.Format = r.boolean(keySyncFormat)
	s.Interval = saturate(parsed(r, keySyncInterval, ParseLong), time.Millisecond)
	if s.Interval <= 0 {
		// Java would ask without a pause, or end the thread.
		k, _ := findKey(keySyncInterval)
		n, _ := ParseLong(k.Default34.Value)
		s.Interval = saturate(n, time.Millisecond)
		r.warnKey(keySyncInterval, "should be > 0, will use default value of: "+k.Default34.Value+".")
	}
	s.Timeout = max(0, saturate(int64(r.integer(keySyncTimeout)), time.Millisecond))
	s.Bandwidth = max(0, parsed(r, keySyncBandwidth, longOrBytes))
	return s
}

// longOrBytes is a plain long, hexadecimal included, or a size with a suffix.
func longOrBytes(s string) (int64, error) {
	if n, err := ParseLong(s); err == nil {
		return n, nil
	}
	return ParseLongBytes(s)
}

// sharedEdits reads the keys that name a journal's nodes, as they are: internal/peers makes sense of them when somebody
// asks for a journal's nodes, as Java does.
func (r *reader) sharedEdits(nameservices []string) SharedEdits {
	s := SharedEdits{
		Base: r.text(keySharedEdits), BySuffix: map[string]string{}, NameNodes: map[string][]string{},
		Nameservices: nameservices, ResolveNames: r.boolean(keyResolveNames), Resolver: r.text(keyResolver),
	}
	for _, p := range r.c.Properties() {
		if suffix, ok := strings.CutPrefix(p.Key, keySharedEdits+"."); ok && suffix != "" {
			if value := r.text(p.Key); value != "" {
				s.BySuffix[suffix] = value
			}
		}
		if ns, ok := strings.CutPrefix(p.Key, keyHANameNodes+"."); ok && ns != "" {
			list, err := r.c.StringSet(p.Key)
			r.fail(err)
			s.NameNodes[ns] = list
		}
	}
	if s.Resolver == "" {
		s.Resolver = DNSResolver
	}
	if s.ResolveNames && s.Resolver != DNSResolver {
		r.warnKey(keyResolver, "not built: only "+DNSResolver+" is. The other nodes of this one's journals are not known")
	}
	return s
}

// MaxBytes is the capacity of the cache if memory bytes are there for the process: Bytes, else Fraction of it, as an
// int of Java's limits it.
func (c EditsCache) MaxBytes(memory int64) int64 {
	if c.Bytes > 0 {
		return c.Bytes
	}
	return int64(min(float64(memory)*c.Fraction, math.MaxInt64/2))
}
