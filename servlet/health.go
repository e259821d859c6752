package servlet

import (
	"encoding/json"
	"net/http"
)

// Health is the state of the node as it was last seen, in plain values: whoever makes it looks at nothing that can block.
type Health struct {
	// Ready tells that the node answers calls: it has started and is not stopping.
	Ready bool
	// Reasons name what is wrong with the node as a whole, such as a disk that is full. Any makes it degraded.
	Reasons []string
	// Journals are shown in this order.
	Journals []JournalHealth
}

// JournalHealth is the state of one journal. A journal without any of the errors is in order.
type JournalHealth struct {
	JournalID string
	Formatted bool
	// OpenError is why the journal could not be opened; empty if it could.
	OpenError string
	// WriterError is why the segment being written was given up; empty if none was since the last one was started.
	WriterError string
	// DamagedSegments are file names in current/ that are kept but not served and not finalized.
	DamagedSegments []string
}

// OK tells whether nothing is wrong with the journal.
func (j JournalHealth) OK() bool {
	return j.OpenError == "" && j.WriterError == "" && len(j.DamagedSegments) == 0
}

// OK tells whether nothing is wrong with the node and its journals.
func (h Health) OK() bool {
	for _, j := range h.Journals {
		if !j.OK() {
			return false
		}
	}
	return len(h.Reasons) == 0
}

// The JSON of /health.
type healthJSON struct {
	Status   string              `json:"status"` // "ok" or "degraded"
	Ready    bool                `json:"ready"`
	Reasons  []string            `json:"reasons,omitempty"`
	Journals []journalHealthJSON `json:"journals"`
}

type journalHealthJSON struct {
	JID             string   `json:"jid"`
	Status          string   `json:"status"`
	Formatted       bool     `json:"formatted"`
	OpenError       string   `json:"openError,omitempty"`
	WriterError     string   `json:"writerError,omitempty"`
	DamagedSegments []string `json:"damagedSegments,omitempty"`
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
	body := healthJSON{Status: statusWord(state.OK()), Ready: state.Ready, Reasons: state.Reasons,
		Journals: make([]journalHealthJSON, 0, len(state.Journals))}
	for _, j := range state.Journals {
		body.Journals = append(body.Journals, journalHealthJSON{
			JID: j.JournalID, Status: statusWord(j.OK()), Formatted: j.Formatted,
			OpenError: j.OpenError, WriterError: j.WriterError, DamagedSegments: j.DamagedSegments,
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
