package jnserver

import (
	"fmt"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// RequestInfo says who writes and in which order (Java qjournal.protocol.RequestInfo).
type RequestInfo struct {
	JournalID string
	// NameServiceID selects the base directory of a journal that is not open yet; "" from 2.x clients.
	NameServiceID string
	Epoch         storage.Epoch
	// Serial is the IPC serial number: it only has to rise within one epoch; gaps are fine.
	Serial int64
	// Committed is the last transaction that a quorum has acknowledged, if HasCommitted.
	Committed    storage.TxID
	HasCommitted bool
	// Client is the peer's address without port, for messages.
	Client string
}

// fence is what decides whether a request may act: the two durable epochs, the serial number of the current epoch and the
// committed transaction. A value; nothing here does I/O.
type fence struct {
	promised storage.Epoch
	writer   storage.Epoch
	// serial is the highest IPC serial number seen in the promised epoch, -1 if none. Memory only, as in Java: after a
	// restart any serial is accepted.
	serial         int64
	committed      storage.TxID
	committedKnown bool
}

// committedTxID is the committed transaction with Hadoop's sentinel for "unknown".
func (f fence) committedTxID() storage.TxID {
	if !f.committedKnown {
		return storage.InvalidTxID
	}
	return f.committed
}

// admission is what a request changes before, or without, being allowed to act. The marks stay even if err refuses the
// request, or a later check does: a refused call still raises the promise and consumes its serial number.
type admission struct {
	raisePromise bool // make r.Epoch durable and forget the serial, before anything else
	takeSerial   bool
	takeCommit   bool
	err          error
}

// admit is Java's Journal.checkRequest: it does not only check. The order of the checks is part of the protocol.
func admit(f fence, r RequestInfo) admission {
	var a admission
	if r.Epoch < f.promised {
		a.err = refuse(javaerr.IOException, "IPC's epoch %d is less than the last promised epoch %d", r.Epoch, f.promised)
		return a
	}
	serial := f.serial
	if r.Epoch > f.promised {
		a.raisePromise = true
		serial = -1
	}
	if r.Serial <= serial {
		a.err = refuse(javaerr.JournalOutOfSync, "IPC serial %d from client /%s was not higher than prior highest IPC serial %d",
			r.Serial, r.Client, serial)
		return a
	}
	a.takeSerial = true
	if !r.HasCommitted {
		return a
	}
	if r.Committed < f.committedTxID() {
		a.err = refuse(javaerr.IllegalArgument, "Client trying to move committed txid backward from %d to %d",
			f.committedTxID(), r.Committed)
		return a
	}
	a.takeCommit = true
	return a
}

// checkWriter is the second half of Java's Journal.checkWriteRequest: only the epoch that started a segment may write.
func checkWriter(f fence, r RequestInfo) error {
	if r.Epoch != f.writer {
		// Two blanks before the epoch, as Java prints it.
		return refuse(javaerr.IOException, "IPC's epoch %d is not the current writer epoch  %d", r.Epoch, f.writer)
	}
	return nil
}

// checkNewEpoch is Java's Journal.newEpoch: an equal epoch is refused too, since two NameNodes that race with one number
// must not both win.
func checkNewEpoch(promised, proposed storage.Epoch) error {
	if proposed <= promised {
		return refuse(javaerr.IOException, "Proposed epoch %d <= last promise %d", proposed, promised)
	}
	return nil
}

// checkNamespace is Java's JNStorage.checkConsistentNamespace: layout version, cTime and block pool are not compared.
func checkNamespace(root string, have, want storage.StorageInfo) error {
	if want.NamespaceID != have.NamespaceID {
		return javaerr.New(javaerr.IOException, "Incompatible namespaceID for journal %s: NameNode has nsId %d but storage has nsId %d",
			storageDirectory(root), want.NamespaceID, have.NamespaceID)
	}
	if want.ClusterID != have.ClusterID {
		return javaerr.New(javaerr.IOException, "Incompatible clusterID for journal %s: NameNode has clusterId '%s' but storage has clusterId '%s'",
			storageDirectory(root), want.ClusterID, have.ClusterID)
	}
	return nil
}

// storageDirectory is how Java 3.x prints a StorageDirectory.
func storageDirectory(root string) string {
	return fmt.Sprintf("Storage Directory root= %s; location= null", root)
}
