package hadooprpc

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

const (
	// frameOverhead is charged for each frame besides its bytes: the call's own structures.
	frameOverhead = 512
	// firstPart is how much of a large frame must arrive before the whole of it is reserved.
	firstPart = 4 << 10
	// smallFrame is the size up to which frames draw on the part of the memory that large ones cannot take.
	smallFrame = 16 << 10
	// bigPart is how much of a frame must arrive before its whole buffer is allocated.
	bigPart = 1 << 20
	// smallShare is the part of RequestMemory that large frames cannot take.
	smallShare = 64 << 20
	// keyShare is the part of smallShare that the small frames of one key may take, so that a key whose calls hang cannot fill
	// the memory for all.
	keyShare = smallShare / 4
)

// EnsureDefaults returns a copy of the configuration with every unset field filled in. The server calls it itself.
func (c Config) EnsureDefaults() Config {
	def(&c.MaxFrame, 128<<20)
	def(&c.MaxResponseWarn, 1<<20)
	def(&c.Handlers, 5)
	c.Handlers = max(c.Handlers, 1)
	def(&c.MaxRunning, 1024)
	c.MaxRunning = max(c.MaxRunning, c.Handlers)
	def(&c.MaxCallsPerConn, 100)
	c.MaxCallsPerConn = max(c.MaxCallsPerConn, 1)
	frame := int64(bufferSize(max(c.MaxFrame, 0))) + frameOverhead
	def(&c.WriterReserve, frame)
	c.WriterReserve = max(c.WriterReserve, frame)
	c.RequestMemory = max(c.RequestMemory, c.WriterReserve+frame+smallShare)
	def(&c.AnswersPerConn, 16<<20)
	def(&c.AnswerMemory, 64<<20)
	def(&c.StallTimeout, 10*time.Second)
	def(&c.PurgeInterval, 15*time.Minute)
	def(&c.LingerTimeout, time.Second)
	def(&c.IdleThreshold, 4000)
	def(&c.KillMax, 10)
	def(&c.MaxIdleTime, 10*time.Second)
	def(&c.IdleScanInterval, 10*time.Second)
	if c.ResolveUser == nil {
		c.ResolveUser = simpleShortName
	}
	if c.Authorize == nil {
		c.Authorize = RefuseImpersonation
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Observer.ensureDefaults()
	return c
}

func def[T int | int64 | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}

// Identity is who a connection belongs to, as its connection context and authentication told.
type Identity struct {
	User      string // effective user, "" if anonymous
	ShortUser string // User after the name rules
	RealUser  string // who acts for User, "" if nobody
	Protocol  string // protocol named in the context, "" if none; it restricts later calls only if Config.Confine is set
	Method    string // how it was authenticated: "SIMPLE", or the Mechanism's method such as "KERBEROS"
	Address   string // IP address of the client
}

// RefuseImpersonation is Java's ProxyUsers.authorize when no hadoop.proxyuser key is set.
func RefuseImpersonation(_ context.Context, id Identity) error {
	if id.RealUser != "" {
		return errorf(0, ClassAuthorization, "User: %s is not allowed to impersonate %s", id.RealUser, id.User)
	}
	return nil
}

var kerberosName = regexp.MustCompile(`^([^/@]+)(/([^/@]+))?(@([^/@]+))?$`)

// simpleShortName is Java's HadoopKerberosName with the rules of simple authentication, RULE:[1:$1] RULE:[2:$1]: the part
// before the first / or @. A name with an @ that is not a principal is refused.
func simpleShortName(name string) (string, error) {
	m := kerberosName.FindStringSubmatch(name)
	switch {
	case m != nil:
		return m[1], nil
	case name == "":
		return "", errorf(0, ClassIllegalArgument, "Null user")
	case strings.Contains(name, "@"):
		name = ShownName(name)
		return "", errorf(0, ClassIllegalArgument, "Illegal principal name %s: Malformed Kerberos name: %s", name, name)
	}
	return name, nil
}
