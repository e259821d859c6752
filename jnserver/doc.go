// Package jnserver is the JournalNode: journals, the rules by which they accept writes and take part in recovery, and the
// table of RPC methods.
//
// # Persist, then answer
//
// What a caller may rely on when a call returns without error:
//
//  1. NewEpoch, and any call that carries a higher epoch: the promise is durable (file and directory synced).
//  2. StartLogSegment: the writer's epoch is durable, then the file exists durably with its header.
//  3. Write: the batch is in the segment file and synced, unless its last transaction was already known to be committed
//     when it arrived; then it may be only written.
//  4. FinalizeLogSegment: every byte of the segment is synced, then the rename is durable.
//  5. PrepareRecovery: what it reports of an open segment is synced; a damaged or failed segment is not reported at all.
//  6. AcceptRecovery: the downloaded copy is complete, scanned and durable, then the paxos record, then the rename.
//
// # Shape
//
// A Journal is deterministic: it starts no goroutine and reads no clock but the one it is given, and each call runs to
// completion on its caller's goroutine. Calls that change something hold Journal.mu; calls that only ask load a published
// Snapshot and wait for nobody. The rules themselves are functions on values, in fence.go, rules.go and manifest.go.
package jnserver
