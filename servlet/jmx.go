package servlet

import (
	"net/http"

	"gojn/internal/jmx"
)

// jmx answers /jmx?qry=.. and /jmx?get=..; see the functions of package jmx for what they mean. callback= is ignored, as
// in Java.
func (h *handler) jmx(w http.ResponseWriter, r *http.Request) {
	p, err := parseParams(r.URL.RawQuery)
	if err != nil {
		h.sendError(w, r, http.StatusBadRequest, err.Error())
		return
	}
	opts := jmx.Options{FilterNaN: h.conf.FilterNaN}
	var text []byte
	if spec, ok := p["get"]; ok {
		text, err = jmx.Get(h.conf.Beans(), spec, opts)
	} else {
		qry, ok := p["qry"]
		text, err = jmx.Query(h.conf.Beans(), qry, ok, opts)
	}
	if err != nil {
		h.conf.Logger.Debug("jmx query refused", "from", r.RemoteAddr, "err", err)
	}
	contentType := "application/json; charset=utf8"
	if h.conf.Release == Hadoop27 {
		contentType = "application/json; charset=utf-8"
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	h.sendText(w, http.StatusOK, contentType, text)
}
