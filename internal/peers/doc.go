// Package peers knows who the other nodes of a journal are and asks them over RPC. It is what a JournalNode needs as a
// client of JournalNodes: Java's JournalNodeSyncer.getOtherJournalNodeAddrs, server.common.Util.getLoggerAddresses and
// InterQJournalProtocolTranslatorPB.
//
// Who they are comes from the key dfs.namenode.shared.edits.dir in its three forms. Nothing is looked up when the
// configuration is read: names are resolved anew whenever the nodes are asked for and on every dial, a name that does
// not resolve keeps its place in the list, and nobody is ever given up.
//
// The node itself is left out by address (an address of this machine and the port that it listens on), and, since a
// port mapping defeats that, by identity: calls carry the random id of the process as their client id, and a server
// that receives its own answers with javaerr.SameNode.
package peers
