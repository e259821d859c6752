package servlet

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"gojn/internal/redact"
)

// configuration answers /conf (Java org.apache.hadoop.conf.ConfServlet). 3.x takes the form from the Accept header and
// shows one property for ?name=; 2.7 takes it from ?format= and shows all.
func (h *handler) configuration(w http.ResponseWriter, r *http.Request) {
	if h.conf.Conf == nil {
		h.sendError(w, r, http.StatusNotFound, "")
		return
	}
	p, err := parseParams(r.URL.RawQuery)
	if err != nil {
		h.sendError(w, r, http.StatusBadRequest, err.Error())
		return
	}
	asJSON, name := strings.Contains(r.Header.Get("Accept"), "json"), p["name"]
	if h.conf.Release == Hadoop27 {
		format, given := p["format"]
		if given && format != "json" && format != "xml" {
			h.sendError(w, r, http.StatusBadRequest, "Bad format: "+format)
			return
		}
		asJSON, name = format == "json", ""
	}
	props := h.conf.Conf()
	hidden := redactorOf(props)
	if name != "" {
		if props = only(props, name); props == nil {
			h.sendText(w, http.StatusNotFound, "text/xml; charset=utf-8", nil)
			return
		}
	}
	if asJSON {
		h.sendText(w, http.StatusOK, "application/json; charset=utf-8", confJSON(props, hidden, name != ""))
		return
	}
	h.sendText(w, http.StatusOK, "text/xml; charset=utf-8", confXML(props, hidden, h.conf.Release == Hadoop34))
}

func only(props []Property, name string) []Property {
	for i := range props {
		if props[i].Name == name && props[i].Value != "" {
			return props[i : i+1]
		}
	}
	return nil
}

// confXML is the form of Configuration.writeXml.
func confXML(props []Property, hidden *redact.Redactor, withFinal bool) []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><configuration>\n")
	for _, p := range props {
		value := p.Raw
		if hidden.Sensitive(p.Name) {
			value = "******"
		}
		b.WriteString("<property><name>" + xmlText(p.Name) + "</name><value>" + xmlText(value) + "</value>")
		if withFinal {
			b.WriteString("<final>" + strconv.FormatBool(p.Final) + "</final>")
		}
		b.WriteString("<source>" + xmlText(resource(p)) + "</source></property>\n")
	}
	b.WriteString("</configuration>\n")
	return []byte(b.String())
}

// xmlText escapes text as Java's Transformer does, and leaves out what XML 1.0 cannot hold.
func xmlText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '\r':
			b.WriteString("&#13;")
		case r < 0x20 && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

type propertyJSON struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	IsFinal  bool   `json:"isFinal"`
	Resource string `json:"resource"`
}

// confJSON is the form of Configuration.dumpConfiguration.
func confJSON(props []Property, hidden *redact.Redactor, single bool) []byte {
	list := make([]propertyJSON, 0, len(props))
	for _, p := range props {
		value := p.Value
		if hidden.Sensitive(p.Name) {
			value = redact.Text
		}
		list = append(list, propertyJSON{p.Name, value, p.Final, resource(p)})
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	var err error
	if single {
		err = enc.Encode(map[string]propertyJSON{"property": list[0]})
	} else {
		err = enc.Encode(map[string][]propertyJSON{"properties": list})
	}
	if err != nil { // not possible: strings and bools
		return nil
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func resource(p Property) string {
	if p.Resource == "" {
		return "Unknown"
	}
	return p.Resource
}

func redactorOf(props []Property) *redact.Redactor {
	configured := ""
	for _, p := range props {
		if p.Name == redact.PatternsKey {
			configured += "," + p.Value
		}
	}
	return redact.New(configured)
}
