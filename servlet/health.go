package servlet

import (
	"encoding/json"
	"net/http"
	"time"
)

// Health is the state of the node as it was last seen, in plain values: whoever makes it looks at nothing that can block.
type Health struct {
	// Ready tells that the node answers calls: it has started and is not stopping.
	Ready bool
	// Journals are shown in this order. One that is not in order makes the node degraded.
	Journals []JournalHealth
}

// JournalHealth is the state of one journal. A journal without any of the errors is in order.
type JournalHealth struct {
	JournalID string
	Formatted bool
	// OpenError is why the journal, or one of its small files, could not be read; empty if it could.
	OpenError string
	// DamagedSegments are the segments in current/ that are kept but not offered to others and not finalized: those whose
	// bytes are damaged or lost, and those given up after a write that failed.
	DamagedSegments []DamagedSegment
	// VoteError is why the node takes no part in elections and recoveries of this journal; empty if it does.
	VoteError string
	// SpaceError is what is wrong with the space on the disk and what to do; empty if there is enough.
	SpaceError string
	// Space is nil if it is not known.
	Space *Space
	// Sync is nil if gaps are not filled from other nodes. It never makes the node degraded: the others have what is missing.
	Sync *Sync
}

// Sync is how far a journal's gaps are filled from other nodes.
type Sync struct {
	MissingSegments  int        `json:"missingSegments"`  // being fetched, or tried again
	WaitingSegments  int        `json:"waitingSegments"`  // not known to be committed
	DisputedSegments int        `json:"disputedSegments"` // the nodes contradict each other
	PeersAnswered    int        `json:"peersAnswered"`
	PeersAsked       int        `json:"peersAsked"`
	LastRound        *time.Time `json:"lastRound,omitempty"`
	LastError        string     `json:"lastError,omitempty"`
}

// Space is what the file system of a journal's directory said at AsOf, and how much of it the journal keeps for a full disk.
type Space struct {
	FreeBytes    uint64    `json:"freeBytes"` // for this process
	TotalBytes   uint64    `json:"totalBytes"`
	FreeInodes   uint64    `json:"freeInodes"` // 0 where the file system counts none
	ReserveBytes int64     `json:"reserveBytes"`
	AsOf         time.Time `json:"asOf"`
}

// DamagedSegment is a file name in current/ and what is wrong, such as the error of the write that failed.
type DamagedSegment struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// OK tells whether nothing is wrong with the journal.
func (j JournalHealth) OK() bool {
	return j.OpenError == "" && len(j.DamagedSegments) == 0 && j.VoteError == "" && j.SpaceError == ""
}

// OK tells whether nothing is wrong with the node's journals.
func (h Health) OK() bool {
	for _, j := range h.Journals {
		if !j.OK() {
			return false
		}
	}
	return true
}

// The JSON of /health.
type healthJSON struct {
	Status   string              `json:"status"` // "ok" or "degraded"
	Ready    bool                `json:"ready"`
	Journals []journalHealthJSON `json:"journals"`
}

type journalHealthJSON struct {
	JID             string           `json:"jid"`
	Status          string           `json:"status"`
	Formatted       bool             `json:"formatted"`
	OpenError       string           `json:"openError,omitempty"`
	DamagedSegments []DamagedSegment `json:"damagedSegments,omitempty"`
	VoteError       string           `json:"voteError,omitempty"`
	SpaceError      string           `json:"spaceError,omitempty"`
	Space           *Space           `json:"space,omitempty"`
	Sync            *Sync            `json:"sync,omitempty"`
}

func statusWord(ok bool) string {
	if ok {
		return "ok"
	}
	return "degraded"
}

// health answers /health: 200 if all is well, 503 with the reasons if not.
func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	state := h.conf.Health()
	body := healthJSON{Status: statusWord(state.OK()), Ready: state.Ready,
		Journals: make([]journalHealthJSON, 0, len(state.Journals))}
	for _, j := range state.Journals {
		body.Journals = append(body.Journals, journalHealthJSON{
			JID: j.JournalID, Status: statusWord(j.OK()), Formatted: j.Formatted,
			OpenError: j.OpenError, DamagedSegments: j.DamagedSegments, VoteError: j.VoteError,
			SpaceError: j.SpaceError, Space: j.Space, Sync: j.Sync,
		})
	}
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil { // not possible: strings and bools
		h.sendError(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	h.sendText(w, code(state.OK()), "application/json; charset=utf-8", append(text, '\n'))
}

// livez answers /livez: the process serves HTTP.
func (h *handler) livez(w http.ResponseWriter, _ *http.Request) {
	h.sendText(w, http.StatusOK, plainText, []byte("ok\n"))
}

// readyz answers /readyz: 200 if the node takes calls. A degraded journal does not make it unready: the others work.
func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	if h.conf.Health().Ready {
		h.sendText(w, http.StatusOK, plainText, []byte("ready\n"))
		return
	}
	h.sendText(w, http.StatusServiceUnavailable, plainText, []byte("not ready\n"))
}

func code(ok bool) int {
	if ok {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}
