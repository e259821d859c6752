// Package syncer fills the gaps of this node's journals from the other nodes, as Java's JournalNodeSyncer does for 3.x. It asks,
// fetches and keeps the time; what is missing and what may be moved in is decided in jnserver.
//
// Each open and formatted journal has a round right after it was opened, then every dfs.journalnode.sync.interval, and sooner
// after one that failed, when the writer has left a gap, and when what was not known to be committed is. Where Java asks one
// node a round and gives the round up at the first segment that fails, a round here asks all of them at the same time, fetches
// several segments at once, newest first, and tries each at every node that has it until one copy is whole. Newest first: what
// no image contains yet is needed longest, and a NameNode reads what is still missing here from the others meanwhile; what is
// old is purged soon.
//
// Nodes of 2.x take no part in this but answer the questions.
package syncer
