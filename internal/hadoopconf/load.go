package hadoopconf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// KV is one -D setting. Source says who set it, as /conf will show it; empty means "from command line".
type KV struct {
	Key, Value string
	Source     string
}

// Options says what Load reads. The zero value gives the embedded defaults under 3.4's rules.
type Options struct {
	// ConfDir is where core-site.xml and hdfs-site.xml are looked for (HADOOP_CONF_DIR, --config), and XIncludes first.
	// Empty: neither is read. A file that is not there is passed over.
	ConfDir string
	// Files are the -conf files in order; one that does not exist is passed over with a warning.
	Files []string
	// Defines are the -D settings in order. They override everything, final values included.
	Defines []KV
	// Release overrides gojn.compat.release when it is not ReleaseFromKey.
	Release Release
	// Env looks an environment variable up; nil means os.LookupEnv.
	Env func(string) (string, bool)
	// System adds to or overrides the Java system properties that ${var} finds before any key. Those known without it:
	// user.name, user.home, user.dir, java.io.tmpdir, hadoop.log.dir, hadoop.id.str, hadoop.home.dir, hadoop.policy.file.
	System map[string]string
	// ReadFile reads a whole file; nil means from disk, up to 16 MiB. Errors must satisfy fs.ErrNotExist where they mean it.
	ReadFile func(name string) ([]byte, error)

	policy string // one more file of ConfDir, read after Files; for withPolicy
}

// Load reads all resources. Errors are a *LoadError (a file that is not XML, cannot be read, or includes one that is not
// there) or a *KeyError (an unknown gojn.compat.release).
func Load(o Options) (*Configuration, error) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	if o.Release != ReleaseFromKey {
		return o.load(o.Release)
	}
	c, err := o.load(Release34)
	if err != nil {
		return nil, err
	}
	value, ok, err := c.Get(KeyCompatRelease)
	if err != nil || !ok {
		return c, err
	}
	release, err := ParseRelease(value)
	var bad *KeyError
	if errors.As(err, &bad) {
		bad.Source = c.props[KeyCompatRelease].where()
	}
	if err != nil || release == Release34 {
		return c, err
	}
	return o.load(release)
}

// load reads everything by one release's rules, in the order of Configuration and HdfsConfiguration.
func (o Options) load(release Release) (*Configuration, error) {
	c := &Configuration{release: release, props: map[string]Property{}, finals: map[string]bool{},
		env: o.Env, system: systemProperties(o), options: o}
	if o.ConfDir != "" {
		if _, err := os.Stat(o.ConfDir); err != nil && errors.Is(err, fs.ErrNotExist) {
			c.warn(Warning{Text: "configuration directory " + o.ConfDir + " does not exist: the defaults apply"})
		}
	}
	shadowed := map[string]Property{}
	for _, step := range []struct {
		defaults DefaultFile
		site     string
	}{{CoreDefault, "core-site.xml"}, {HDFSDefault, "hdfs-site.xml"}} {
		c.addDefaults(step.defaults, shadowed)
		if o.ConfDir == "" {
			continue
		}
		if _, err := c.addFile(o, filepath.Join(o.ConfDir, step.site), step.site); err != nil {
			return nil, err
		}
	}
	c.site = maps.Clone(c.props)
	for _, path := range o.Files {
		found, err := c.addFile(o, path, path)
		if err != nil {
			return nil, err
		}
		if !found {
			c.warn(Warning{Text: "-conf " + path + ": no such file, ignored"})
		}
	}
	if o.policy != "" {
		if _, err := c.addFile(o, filepath.Join(o.ConfDir, o.policy), o.policy); err != nil {
			return nil, err
		}
	}
	for _, kv := range o.Defines {
		c.define(kv)
	}
	for key := range c.finals {
		if p, set := c.props[key]; set {
			p.Final = true
			c.props[key] = p
		}
	}
	c.warnShadowed(shadowed)
	return c, nil
}

// Resource reads one more file of the configuration directory into a configuration of its own, without any defaults (Java's
// new Configuration(false) with addResource); found is false if there is no such file there. name must be relative, as
// Java's class path knows no other.
func (c *Configuration) Resource(name string) (file *Configuration, found bool, err error) {
	o := c.options
	if o.ConfDir == "" || name == "" || filepath.IsAbs(name) {
		return nil, false, nil
	}
	file = &Configuration{release: c.release, props: map[string]Property{}, finals: map[string]bool{}, env: c.env, system: c.system,
		options: o}
	found, err = file.addFile(o, filepath.Join(o.ConfDir, name), name)
	if err != nil || !found {
		return nil, found, err
	}
	return file, true, nil
}

// withPolicy is the configuration with hadoop-policy.xml read after all other files (Java Configuration.addResource: -D still
// goes before it); found is false if there is no such file.
func (c *Configuration) withPolicy() (policy *Configuration, found bool, err error) {
	name := c.policyFile()
	if _, found, err = c.Resource(name); err != nil || !found {
		return c, false, err
	}
	o := c.options
	o.policy = name
	policy, err = o.load(c.release)
	return policy, true, err
}

func (c *Configuration) policyFile() string { return c.system["hadoop.policy.file"] }

func (c *Configuration) warn(w Warning) { c.warnings = append(c.warnings, w) }

// addDefaults is the reading of core-default.xml or hdfs-default.xml. hdfs-default.xml comes after core-site.xml, so it
// overrides what a user set there; these are noted in shadowed.
func (c *Configuration) addDefaults(file DefaultFile, shadowed map[string]Property) {
	for _, k := range keyTable {
		value, inFile := k.fileDefault(c.release)
		if k.File != file || !inFile {
			continue
		}
		old, set := c.props[k.Name]
		if c.finals[k.Name] {
			continue
		}
		if set && old.Value != value {
			shadowed[k.Name] = old
		}
		c.props[k.Name] = Property{Key: k.Name, Value: value, Sources: []string{string(file)}}
	}
}

func (c *Configuration) warnShadowed(shadowed map[string]Property) {
	for _, k := range keyTable {
		if old, ok := shadowed[k.Name]; ok && c.props[k.Name].IsDefault() {
			c.warn(Warning{Key: k.Name, Value: old.Value, Source: old.where(), Text: "overridden by " +
				string(HDFSDefault) + ", which Hadoop reads after core-site.xml; set it in hdfs-site.xml"})
		}
	}
}

// addFile reads one resource into the configuration; found is false if there is no such file.
func (c *Configuration) addFile(o Options, path, name string) (found bool, err error) {
	if _, err := o.ReadFile(path); err != nil && errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	files := 0
	r := &resource{path: path, name: name, confDir: o.ConfDir, read: o.ReadFile, files: &files, warn: c.warn}
	items, err := r.items(c.release)
	if err != nil {
		return true, err
	}
	for _, it := range items {
		c.add(it)
	}
	return true, nil
}

// add applies one property (Configuration.loadProperty): a value unless an earlier one is final, and the final mark even
// without a value.
func (c *Configuration) add(it item) {
	if it.key == "" {
		return
	}
	if it.hasValue && c.finals[it.key] {
		if p, set := c.props[it.key]; set && p.Value != it.value {
			c.warn(Warning{Key: it.key, Value: it.value, Source: it.origin,
				Text: "an attempt to override final parameter: " + it.key + ";  Ignoring."})
		}
	} else if it.hasValue {
		c.props[it.key] = Property{Key: it.key, Value: it.value, Sources: it.sources, Origin: it.origin}
	}
	if it.final {
		c.finals[it.key] = true
	}
}

// define applies one -D (Configuration.set), which ignores final.
func (c *Configuration) define(kv KV) {
	key := javaTrim(kv.Key)
	if key == "" {
		c.warn(Warning{Text: fmt.Sprintf("-D %s=%s: no key, ignored", kv.Key, kv.Value)})
		return
	}
	source := kv.Source
	if source == "" {
		source = "from command line"
	}
	if name := currentName(key); name != key {
		key, source = name, "because "+key+" is deprecated"
	}
	c.props[key] = Property{Key: key, Value: kv.Value, Sources: []string{source}}
}

// systemProperties are the properties that Hadoop's scripts and the JVM would set, from the environment.
func systemProperties(o Options) map[string]string {
	props := map[string]string{"java.io.tmpdir": "/tmp", "hadoop.policy.file": "hadoop-policy.xml"}
	if u, err := user.Current(); err == nil {
		props["user.name"], props["user.home"] = u.Username, u.HomeDir
		props["hadoop.id.str"] = u.Username
	}
	if dir, err := os.Getwd(); err == nil {
		props["user.dir"] = dir
	}
	if home, ok := o.Env("HADOOP_HOME"); ok && home != "" {
		props["hadoop.home.dir"], props["hadoop.log.dir"] = home, strings.TrimSuffix(home, "/")+"/logs"
	}
	for property, name := range map[string]string{"hadoop.log.dir": "HADOOP_LOG_DIR",
		"hadoop.id.str": "HADOOP_IDENT_STRING", "hadoop.policy.file": "HADOOP_POLICYFILE"} {
		if val, ok := o.Env(name); ok && val != "" {
			props[property] = val
		}
	}
	maps.Copy(props, o.System)
	return props
}

func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxResourceSize+1))
	if err == nil && len(data) > maxResourceSize {
		err = fmt.Errorf("larger than %d bytes", maxResourceSize)
	}
	return data, err
}
