package jmx

import "strings"

// Query answers /jmx?qry=pattern: every bean whose name matches, in the order given, as JSON text. hasPattern false means
// that the parameter was absent, which is "*:*". A malformed pattern gives "{ }" and an error that wraps
// ErrMalformedName; the HTTP status is 200 all the same, as the status that Java sets then comes after the first bytes
// (Java JMXJsonServlet.doGet).
func Query(beans []Bean, pattern string, hasPattern bool, opts Options) ([]byte, error) {
	if !hasPattern {
		pattern = "*:*"
	}
	return render(beans, pattern, nil, opts)
}

// Get answers /jmx?get=ObjectName::Attribute: the matching beans, each with that attribute only. A text that is not two
// parts gives a result of ERROR; so does, inside the bean, an attribute that is absent or null, and then no further
// bean follows. Status and error are as for Query.
func Get(beans []Bean, spec string, opts Options) ([]byte, error) {
	parts := strings.Split(spec, "::")
	// Java's String.split drops empty parts at the end.
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) != 2 {
		p := printer{opts: opts}
		p.attrs([]Attr{{"result", "ERROR"}, {"message", "query format is not as expected."}})
		return p.buf, nil
	}
	return render(beans, parts[0], &parts[1], opts)
}

func render(beans []Bean, pattern string, attribute *string, opts Options) ([]byte, error) {
	p := printer{opts: opts}
	p.open()
	chosen, err := match(beans, pattern)
	if err != nil {
		p.close()
		return p.buf, err
	}
	if attribute != nil {
		chosen = untilMissing(chosen, *attribute)
	}
	p.name("beans")
	p.list(len(chosen), func(i int) { p.bean(&chosen[i], attribute) })
	p.close()
	return p.buf, nil
}

// match gives the beans whose name matches pattern. A bean with a malformed name of its own is matched by no pattern.
func match(beans []Bean, pattern string) ([]Bean, error) {
	want, err := ParseName(pattern)
	if err != nil {
		return nil, err
	}
	var chosen []Bean
	for _, b := range beans {
		if name, err := ParseName(b.Name); err == nil && want.Match(name) {
			chosen = append(chosen, b)
		}
	}
	return chosen, nil
}

// untilMissing cuts beans after the first one that lacks the attribute: Java stops there.
func untilMissing(beans []Bean, attribute string) []Bean {
	for i := range beans {
		if v, ok := beans[i].attr(attribute); !ok || v == nil {
			return beans[:i+1]
		}
	}
	return beans
}

func (p *printer) bean(b *Bean, attribute *string) {
	p.open()
	p.name("name")
	p.quote(b.Name)
	p.name("modelerType")
	p.quote(b.ModelerType)
	p.members(b, attribute)
	p.close()
}

// members prints all attributes, or the one that was asked for.
func (p *printer) members(b *Bean, attribute *string) {
	if attribute == nil {
		for _, a := range b.Attrs {
			if a.Name == "modelerType" || strings.ContainsAny(a.Name, "=: ") {
				continue // Java leaves these out as well
			}
			p.name(a.Name)
			p.value(a.Value)
		}
		return
	}
	v, ok := b.attr(*attribute)
	if !ok || v == nil {
		p.name("result")
		p.quote("ERROR")
		p.name("message")
		p.quote("No attribute with name " + *attribute + " was found.")
		return
	}
	p.name(*attribute)
	p.value(v)
}
