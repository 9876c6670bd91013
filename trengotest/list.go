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

// A listing determines how a list is paged.
type listing struct {
	size   int
	totals bool // send last_page and total
}

// A page is one page of a list.
type page struct {
	number, size int
	total        int    // number of items in the whole list
	path         string // URL of the list
}

// start returns the index of the page's first item. The check comes first because a
// client's page number could overflow the multiplication.
func (p page) start() int {
	if p.number > p.last() {
		return p.total
	}
	return (p.number - 1) * p.size
}

func (p page) end() int { return min(p.start()+p.size, p.total) }

func (p page) last() int { return max(1, (p.total+p.size-1)/p.size) }

// url returns a link without the filters of the request, as the real links are, or
// nil if that page does not exist.
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

// prev returns a link on every page but the first, even past the last one, as
// Trengo does.
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

// numberedLinks has the untranslated labels that Trengo sends.
func (p page) numberedLinks() []object {
	links := []object{{"url": p.prev(), "label": "pagination.previous", "active": false}}
	for n := 1; n <= p.last(); n++ {
		links = append(links, object{"url": p.url(n), "label": strconv.Itoa(n), "active": n == p.number})
	}
	return append(links, object{"url": p.url(p.number + 1), "label": "pagination.next", "active": false})
}

// listResponse is the page of items that the request asks for.
func listResponse[T any](s *Server, c *call, l listing, items []*T, render func(*T) object) response {
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
	if n, err := strconv.Atoi(c.record.Query.Get("per_page")); err == nil && n > 0 && !s.Behavior.IgnorePerPage {
		size = min(n, maxPageSize)
	}
	base := s.Behavior.LinksURL
	if base == "" {
		base = strings.TrimSuffix(BaseURL, basePath)
	}
	return page{number: number, size: size, total: total, path: base + basePath + c.record.Path}
}
