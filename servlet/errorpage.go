package servlet

import (
	"net/http"
	"strconv"
	"strings"
)

// sendError answers with an error page in the form of Jetty 9.4 (org.eclipse.jetty.server.handler.ErrorHandler): clients
// look at the status, people and curl at the message. The empty message stands for the status's own words. The message
// may hold what the client sent: it is escaped.
//
// net/http writes the standard reason phrase; a 2.7 node has the message there.
func (h *handler) sendError(w http.ResponseWriter, r *http.Request, status int, message string) {
	if message == "" {
		message = http.StatusText(status)
	}
	code := strconv.Itoa(status)
	message = sanitize(message)
	var b strings.Builder
	b.WriteString("<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n<title>Error ")
	b.WriteString(code + " " + message + "</title>\n</head>\n<body><h2>HTTP ERROR " + code + " " + message + "</h2>\n<table>\n")
	row := func(name, value string) { b.WriteString("<tr><th>" + name + ":</th><td>" + value + "</td></tr>\n") }
	row("URI", sanitize(r.URL.Path))
	row("STATUS", code)
	row("MESSAGE", message)
	row("SERVLET", servletName(r.URL.Path))
	b.WriteString("</table>\n\n</body>\n</html>\n")

	w.Header().Del("Expires")
	w.Header().Set("Cache-Control", "must-revalidate,no-cache,no-store")
	h.sendText(w, status, "text/html; charset=iso-8859-1", []byte(b.String()))
}

// servletName is the last row of the page: the servlet that answered, Jetty's name of its default one elsewhere.
func servletName(path string) string {
	if path == "/getJournal" {
		return "getJournal"
	}
	return "default"
}

// sanitize makes text safe inside HTML and plain ASCII: markup and what is beyond ASCII become character references,
// control characters other than newline and tab become "?".
func sanitize(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '\'':
			b.WriteString("&apos;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\n' || r == '\t' || r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			b.WriteByte('?')
		default:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		}
	}
	return b.String()
}
