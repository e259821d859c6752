package hadoopconf

const xincludeSpace = "http://www.w3.org/2001/XInclude"

// items27 reads a resource as Hadoop 2.7 does (Configuration.loadResource on a DOM): the children of <configuration>, and
// of each the first text of name, value and final. Includes are replaced before that, as the JDK's parser does.
func (r *resource) items27(root *element) ([]item, error) {
	root, err := r.expandIncludes(root)
	if err != nil {
		return nil, err
	}
	return r.configuration27(root)
}

func (r *resource) configuration27(root *element) ([]item, error) {
	var items []item
	for _, c := range root.children {
		if c.elem == nil {
			continue
		}
		if c.elem.name == "configuration" {
			nested, err := r.configuration27(c.elem)
			if err != nil {
				return nil, err
			}
			items = append(items, nested...)
			continue
		}
		if c.elem.name != "property" {
			r.warn(Warning{Text: "Unexpected tag in conf file " + r.path + ": expected <property> but found <" +
				c.elem.name + ">"})
		}
		it, ok, err := r.property27(c.elem)
		if err != nil {
			return nil, err
		}
		if ok {
			items = append(items, finish(it, c.elem))
		}
	}
	return items, nil
}

func (r *resource) property27(e *element) (it item, hasName bool, err error) {
	for _, c := range e.children {
		if c.elem == nil || len(c.elem.children) == 0 {
			continue
		}
		first := c.elem.children[0]
		switch c.elem.name {
		case "name", "value", "final", "source":
			if first.elem != nil {
				return item{}, false, r.fail(first.elem, "<%s> inside <%s>", first.elem.name, c.elem.name)
			}
		}
		switch c.elem.name {
		case "name":
			it.key, hasName = javaTrim(first.text), true
		case "value":
			it.value, it.hasValue = first.text, true
		case "final":
			it.final = first.text == "true"
		case "source":
			it.sources = append(it.sources, first.text)
		}
	}
	it.sources = append(it.sources, r.name)
	return it, hasName, nil
}

// expandIncludes gives a copy of e in which each XInclude is replaced by the root of the file it names, by its text
// (parse="text"), or by the content of its fallback.
func (r *resource) expandIncludes(e *element) (*element, error) {
	out := *e
	out.children = nil
	for _, c := range e.children {
		if c.elem == nil {
			out.children = append(out.children, c)
			continue
		}
		if c.elem.name != "include" || c.elem.space != xincludeSpace {
			sub, err := r.expandIncludes(c.elem)
			if err != nil {
				return nil, err
			}
			out.children = append(out.children, node{elem: sub})
			continue
		}
		nodes, err := r.included(c.elem)
		if err != nil {
			return nil, err
		}
		out.children = append(out.children, nodes...)
	}
	return &out, nil
}

func (r *resource) included(e *element) ([]node, error) {
	href, ok := e.attr("href")
	if _, pointer := e.attr("xpointer"); !ok || pointer {
		return nil, r.fail(e, "an include needs href, and xpointer is not supported")
	}
	inc, found, err := r.include(e, href)
	if err != nil {
		return nil, err
	}
	if !found {
		for _, c := range e.children {
			if c.elem != nil && c.elem.name == "fallback" && c.elem.space == xincludeSpace {
				sub, err := r.expandIncludes(c.elem)
				if err != nil {
					return nil, err
				}
				return sub.children, nil
			}
		}
		return nil, r.missing(e, href)
	}
	if kind, _ := e.attr("parse"); kind == "text" {
		data, err := inc.read(inc.path)
		if err != nil {
			return nil, &LoadError{File: inc.path, Err: err}
		}
		return []node{{text: string(data)}}, nil
	}
	root, err := inc.parse()
	if err != nil {
		return nil, err
	}
	root, err = inc.expandIncludes(root)
	if err != nil {
		return nil, err
	}
	return []node{{elem: root}}, nil
}
