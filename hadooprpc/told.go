package hadooprpc

import (
	"context"
	"log/slog"
	"net"
	"time"

	"gojn/internal/repeats"
)

const (
	// toldInterval is how often the same is told of one client.
	toldInterval = time.Minute
	// toldClients is how many are told apart in an interval; all others count as one.
	toldClients = 64
)

// told is the log of connections that are refused, misdirected or not understood. A client may come again as often as it can,
// as one that redials a full server or a TLS probe does: of each kind one line a minute for each client, which counts in unsaid
// those since.
type told struct {
	log      *slog.Logger
	refused  *repeats.Repeats // too many are open
	versions *repeats.Repeats // not Hadoop IPC
	lengths  *repeats.Repeats // a frame of an impossible length
	names    *repeats.Repeats // bad names of users and protocols
	accepts  *repeats.Repeats // connections that could not be accepted, by listener
	errors   *repeats.Repeats // closed with an error, by client and its class
}

func newTold(log *slog.Logger, now func() time.Time) *told {
	some := func() *repeats.Repeats { return repeats.New(toldInterval, toldClients, now) }
	return &told{log: log, refused: some(), versions: some(), lengths: some(), names: some(), accepts: some(), errors: some()}
}

// say logs one line about a client, unless it was said of that client lately.
func (t *told) say(kind *repeats.Repeats, level slog.Level, text string, remote net.Addr, args ...any) {
	t.sayOf(kind, addressOf(remote), level, text, append([]any{"remote", remote}, args...)...)
}

// sayOf logs one line, unless one of that key was said lately.
func (t *told) sayOf(kind *repeats.Repeats, key string, level slog.Level, text string, args ...any) {
	if unsaid, say := kind.Say(key); say {
		t.log.Log(context.Background(), level, text, append(args, "unsaid", unsaid)...)
	}
}
