// Module tools holds the programs that write code of this repository. It is a module of its own so that what they need
// never becomes a dependency of the JournalNode.
module gojn/internal/tools

go 1.26.0

require (
	github.com/bufbuild/protocompile v0.14.1
	google.golang.org/protobuf v1.36.12
)

require golang.org/x/sync v0.8.0 // indirect
