package syncer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sayAgain is when a trouble that lasts is told again.
const sayAgain = time.Hour

// quietLog tells a trouble once and its end once, however often it is met: peers may be down for days.
type quietLog struct {
	*slog.Logger

	mu   sync.Mutex
	said map[string]said // by cause
}

type said struct {
	text string
	at   time.Time
}

func newQuietLog(log *slog.Logger) *quietLog {
	return &quietLog{Logger: log, said: make(map[string]said)}
}

// trouble logs a line about cause unless it was the last one about it, in the last hour. text decides whether it is the same.
func (l *quietLog) trouble(level slog.Level, cause, text, message string, args ...any) {
	l.mu.Lock()
	last, now := l.said[cause], time.Now()
	again := last.text != text || now.Sub(last.at) >= sayAgain
	if again {
		l.said[cause] = said{text, now}
	}
	l.mu.Unlock()
	if again {
		l.Log(context.Background(), level, message, args...)
	}
}

// over tells the end of a trouble, if it was told. message "" only forgets it.
func (l *quietLog) over(cause, message string, args ...any) {
	l.mu.Lock()
	_, was := l.said[cause]
	delete(l.said, cause)
	l.mu.Unlock()
	if was && message != "" {
		l.Info(message, args...)
	}
}
