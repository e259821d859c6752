// Package qjournalpb holds the generated messages of QJournalProtocol and InterQJournalProtocol and of the paxos record.
package qjournalpb

//go:generate go run -C ../internal/tools ./protogen -proto ../../qjournalpb/proto -out ../../qjournalpb -go_package gojn/qjournalpb
