// Package editlog knows the bytes of a segment file: its header, its frames and its padding, and where its transactions
// end. It knows nothing of what an operation means and does no I/O but through the io.ReaderAt that it is handed.
package editlog

import "strconv"

// TxID is the id of one transaction of the edit log. Signed 64 bit, as in Java; it travels as uint64 in two's complement.
type TxID int64

// InvalidTxID is Hadoop's HdfsServerConstants.INVALID_TXID. It stands for "unknown" where bytes on the wire or on disk
// need a value; inside gojn prefer a value and an ok.
const InvalidTxID TxID = -12345

func (t TxID) String() string { return strconv.FormatInt(int64(t), 10) }
