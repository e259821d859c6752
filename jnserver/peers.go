package jnserver

import (
	"context"

	"gojn/storage"
)

// Peers asks the other nodes of a journal. It is used by many goroutines at once; its calls wait for the network, within ctx
// and limits of their own.
type Peers interface {
	// NothingPromised is nil if more than half of all nodes of the journal, this one not counted, have just said that they
	// never promised anything. Else it says who said what, or why nobody could be asked. highest is the highest epoch that one
	// of them has promised, 0 if none says so.
	NothingPromised(ctx context.Context, jid string) (highest storage.Epoch, err error)
	// Sources are the addresses where other nodes serve the finalized segment of exactly that range; none if nobody says so.
	Sources(ctx context.Context, jid string, info storage.StorageInfo, first, last storage.TxID) []string
}
