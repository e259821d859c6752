package hadoopconf

import (
	"errors"
	"strings"

	"gojn/internal/redact"
)

// redactor is what hides values in /conf of this configuration.
func (c *Configuration) redactor() *redact.Redactor {
	configured, _, _ := c.Get(redact.PatternsKey)
	return redact.New(configured)
}

// hide takes the values of sensitive keys, passwords say, out of what will be logged. What was read of files by themselves
// goes by the node's own patterns.
func (r *reader) hide() {
	hidden := r.c.redactor()
	for i := range r.warnings {
		if w := &r.warnings[i]; w.Value != "" && hidden.Sensitive(w.Key) {
			w.Value, w.Text = redact.Text, strings.ReplaceAll(w.Text, w.Value, redact.Text)
		}
	}
	for _, err := range r.errs {
		var bad *KeyError
		if errors.As(err, &bad) && bad.Value != "" && hidden.Sensitive(bad.Key) {
			bad.Value, bad.Reason = redact.Text, strings.ReplaceAll(bad.Reason, bad.Value, redact.Text)
		}
	}
}
