package hadoopconf

import "strings"

// parser34 reads a resource as Hadoop 3.x does (Configuration.Parser, a state machine over a stream of tags): elements
// count wherever they stand, attributes of <property> are a short form, include and its fallback are known by their
// local names.
type parser34 struct {
	res   *resource
	items []item

	token      strings.Builder
	collecting bool
	cur        item
	hasName    bool

	missing     string // href of an include that was not found and needs a fallback
	needFall    bool
	enteredFall bool
}

func (p *parser34) element(e *element) error {
	if err := p.start(e); err != nil {
		return err
	}
	for _, c := range e.children {
		if c.elem == nil {
			if p.collecting {
				p.token.WriteString(c.text)
			}
			continue
		}
		if err := p.element(c.elem); err != nil {
			return err
		}
	}
	return p.end(e)
}

func (p *parser34) start(e *element) error {
	switch e.name {
	case "property":
		p.startProperty(e)
	case "name", "value", "final", "source", "tag":
		p.collecting = true
		p.token.Reset()
	case "include":
		return p.include(e)
	case "fallback":
		p.enteredFall = true
	}
	return nil
}

func (p *parser34) startProperty(e *element) {
	p.cur, p.hasName = item{}, false
	for _, a := range e.attrs {
		switch a.Name.Local {
		case "name":
			p.cur.key, p.hasName = a.Value, true
		case "value":
			p.cur.value, p.cur.hasValue = a.Value, true
		case "final":
			p.cur.final = a.Value == "true"
		case "source":
			p.cur.sources = append(p.cur.sources, a.Value)
		}
	}
}

func (p *parser34) include(e *element) error {
	href, ok := e.attr("href")
	if !ok {
		return nil
	}
	inc, found, err := p.res.include(e, href)
	if err != nil {
		return err
	}
	if !found {
		p.missing, p.needFall = href, true
		return nil
	}
	items, err := inc.items(Release34)
	if err != nil {
		return err
	}
	p.items = append(p.items, items...)
	return nil
}

func (p *parser34) end(e *element) error {
	text := p.token.String()
	switch e.name {
	case "name":
		if text != "" {
			p.cur.key, p.hasName = javaTrim(text), true
		}
	case "value":
		if text != "" {
			p.cur.value, p.cur.hasValue = text, true
		}
	case "final":
		p.cur.final = text == "true"
	case "source":
		p.cur.sources = append(p.cur.sources, text)
	case "include":
		if p.needFall && !p.enteredFall {
			return p.res.missing(e, p.missing)
		}
		p.needFall, p.enteredFall = false, false
	case "property":
		if p.hasName && (p.needFall || !p.enteredFall) {
			it := p.cur
			it.sources = append(append([]string(nil), it.sources...), p.res.name)
			p.items = append(p.items, finish(it, e))
		}
	}
	return nil
}
