// Command protogen writes Go code for .proto files without needing protoc: it compiles them with
// github.com/bufbuild/protocompile and runs google.golang.org/protobuf's protoc-gen-go in the same process. Both are pinned
// in this module's go.mod, and the output depends on nothing else, so generated code is the same on every machine.
//
// Usage:
//
//	go run -C internal/tools ./protogen -proto DIR -out DIR -go_package PATH
//
//	-proto DIR       where the sources are; all *.proto files directly in it are compiled
//	-out DIR         where the .pb.go files go; stale *.pb.go files there are removed
//	-go_package PATH import path of the package in -out, such as gojn/qjournalpb
//	-prefix PATH     path under which the files are registered and import each other; the default is the proto package of
//	                 the file with dots turned to slashes (package gojn.qjournal, file a.proto: gojn/qjournal/a.proto)
//
// Relative directories are relative to the working directory, which -C sets to internal/tools. So the go:generate line of
// qjournalpb/gen.go reads
//
//	//go:generate go run -C ../internal/tools ./protogen -proto ../../qjournalpb/proto -out ../../qjournalpb -go_package gojn/qjournalpb
//
// The registered path matters: the wire does not carry it, but two files of one path, or two messages of one full name, in
// one binary panic at start, and github.com/colinmarc/hdfs registers Hadoop's own. A source file may omit
// option go_package; -go_package wins over it. Imports of google/protobuf/*.proto are found without files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var c config
	flag.StringVar(&c.proto, "proto", "", "directory with the .proto sources")
	flag.StringVar(&c.out, "out", "", "directory for the .pb.go files")
	flag.StringVar(&c.goPackage, "go_package", "", "import path of the generated package")
	flag.StringVar(&c.prefix, "prefix", "", "path under which the files are registered (default: from the proto package)")
	flag.Parse()
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

type config struct{ proto, out, goPackage, prefix string }

func (c config) run(ctx context.Context) error {
	if c.proto == "" || c.out == "" || c.goPackage == "" || flag.NArg() > 0 {
		return errors.New("usage: protogen -proto DIR -out DIR -go_package PATH [-prefix PATH]")
	}
	sources, names, err := c.readSources()
	if err != nil {
		return err
	}
	files, err := c.generate(ctx, sources, names)
	if err != nil {
		return err
	}
	return c.write(files)
}

// readSources returns the text of each source under the path it is registered by, and those paths sorted.
func (c config) readSources() (map[string]string, []string, error) {
	found, err := filepath.Glob(filepath.Join(c.proto, "*.proto"))
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("no .proto files in %s", c.proto)
	}
	sources := make(map[string]string, len(found))
	var names []string
	for _, f := range found {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, nil, err
		}
		prefix := c.prefix
		if prefix == "" {
			if prefix, err = packagePath(f, string(b)); err != nil {
				return nil, nil, err
			}
		}
		name := path.Join(prefix, filepath.Base(f))
		sources[name] = string(b)
		names = append(names, name)
	}
	sort.Strings(names)
	return sources, names, nil
}

var packageLine = regexp.MustCompile(`(?m)(?:^|;)\s*package\s+([A-Za-z0-9_.]+)\s*;`)

func packagePath(file, text string) (string, error) {
	m := packageLine.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s: no package line; name one or use -prefix", file)
	}
	return strings.ReplaceAll(m[1], ".", "/"), nil
}

// generate compiles the sources and returns what protoc-gen-go makes of them, by file base name.
func (c config) generate(ctx context.Context, sources map[string]string, names []string) (map[string]string, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			Accessor: func(name string) (io.ReadCloser, error) {
				text, ok := sources[name]
				if !ok {
					return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
				}
				return io.NopCloser(strings.NewReader(text)), nil
			},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments go into the generated code
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, err
	}
	// protoc hands a plugin each file after those it imports.
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names}
	seen := map[string]bool{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if seen[fd.Path()] {
			return
		}
		seen[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		request.ProtoFile = append(request.ProtoFile, c.descriptor(fd, sources))
	}
	for _, fd := range compiled {
		add(fd)
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return nil, err
	}
	for _, f := range plugin.Files {
		if f.Generate {
			internal_gengo.GenerateFile(plugin, f)
		}
	}
	response := plugin.Response()
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	out := map[string]string{}
	for _, f := range response.File {
		out[path.Base(f.GetName())] = f.GetContent()
	}
	return out, nil
}

// descriptor returns fd as a message, with our own go_package if fd is one of the sources.
func (c config) descriptor(fd protoreflect.FileDescriptor, sources map[string]string) *descriptorpb.FileDescriptorProto {
	var p *descriptorpb.FileDescriptorProto
	if r, ok := fd.(protocompileResult); ok {
		p = proto.CloneOf(protoutil.ProtoFromFileDescriptor(r))
	} else {
		p = protodesc.ToFileDescriptorProto(fd)
	}
	if _, ours := sources[fd.Path()]; ours {
		if p.Options == nil {
			p.Options = &descriptorpb.FileOptions{}
		}
		p.Options.GoPackage = proto.String(c.goPackage)
	}
	return p
}

type protocompileResult interface {
	protoreflect.FileDescriptor
	FileDescriptorProto() *descriptorpb.FileDescriptorProto
}

// write replaces the .pb.go files of the output directory by files. A file that stays the same is not touched.
func (c config) write(files map[string]string) error {
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(c.out, "*.pb.go"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if _, still := files[filepath.Base(f)]; !still {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		f := filepath.Join(c.out, name)
		if b, err := os.ReadFile(f); err == nil && string(b) == text {
			continue
		}
		if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
