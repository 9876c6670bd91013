package trengotest

import (
	"net/url"
	"strconv"
	"strings"
)

const (
	defaultPageSize = 25
	largePageSize   = 999
	maxPageSize     = 100
)

// A listing is how one list is paged.
type listing struct {
	size   int
	totals bool // the envelope with last_page and total
}

// A page is one part of a list, in terms of the whole.
type page struct {
	number, size, total int
	path                string
}

// list answers with the page of items that the request asks for.
func list[T any](s *Server, c *call, l listing, items []*T, render func(*T) object) answer {
	p := s.page(c, l.size, len(items))
	data := []object{}
	for _, item := range items[p.start():p.end()] {
		data = append(data, render(item))
	}
	if l.totals || s.Behavior.Totals {
		return ok(object{"data": data, "links": p.links(true), "meta": p.totalsMeta()})
	}
	return ok(object{"data": data, "links": p.links(false), "meta": p.meta()})
}

func (s *Server) page(c *call, size, total int) page {
	number := 1
	if n, err := strconv.Atoi(c.record.Query.Get("page")); err == nil && n > 0 && !s.Behavior.RepeatPages {
		number = n
	}
	if n, err := strconv.Atoi(c.record.Query.Get("per_page")); err == nil && n > 0 {
		size = min(n, maxPageSize)
	}
	base := s.Behavior.LinksURL
	if base == "" {
		base = strings.TrimSuffix(BaseURL, basePath)
	}
	return page{number: number, size: size, total: total, path: base + basePath + c.record.Path}
}

// start does not multiply what a client sent: page numbers may be huge.
func (p page) start() int {
	if p.number > p.last() {
		return p.total
	}
	return (p.number - 1) * p.size
}

func (p page) end() int { return min(p.start()+p.size, p.total) }

func (p page) last() int { return max(1, (p.total+p.size-1)/p.size) }

// url drops the filters of the request, as the real links do.
func (p page) url(number int) any {
	if number < 1 || number > p.last() {
		return nil
	}
	return p.path + "?" + url.Values{"page": {strconv.Itoa(number)}}.Encode()
}

func (p page) links(totals bool) object {
	links := object{"first": p.url(1), "last": nil, "prev": p.prev(), "next": p.url(p.number + 1)}
	if totals {
		links["last"] = p.url(p.last())
	}
	return links
}

// prev exists past the last page, too: the server knows only that it is not on
// the first one.
func (p page) prev() any {
	if p.number == 1 {
		return nil
	}
	return p.path + "?page=" + strconv.Itoa(p.number-1)
}

func (p page) meta() object {
	meta := object{"current_page": p.number, "from": nil, "path": p.path, "per_page": p.size, "to": nil}
	if p.start() < p.end() {
		meta["from"], meta["to"] = p.start()+1, p.end()
	}
	return meta
}

func (p page) totalsMeta() object {
	return p.meta().with(object{"last_page": p.last(), "total": p.total, "links": p.numberedLinks()})
}

// numberedLinks has labels that nobody has translated.
func (p page) numberedLinks() []object {
	links := []object{{"url": p.prev(), "label": "pagination.previous", "active": false}}
	for n := 1; n <= p.last(); n++ {
		links = append(links, object{"url": p.url(n), "label": strconv.Itoa(n), "active": n == p.number})
	}
	return append(links, object{"url": p.url(p.number + 1), "label": "pagination.next", "active": false})
}
