package trengo

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/trengo-go/trengo/internal/rawjson"
	"github.com/trengo-go/trengo/internal/transport"
)

// list reads the items of a list, page by page as far as the caller's loop goes.
// An error is the last thing it yields.
func list[T any, P resourcePtr[T]](ctx context.Context, s *service, path string, query listQuery) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for page, err := range listPages[T, P](ctx, s, path, query) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Data {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// listPages reads the pages of a list, one request each. It ends at a page without
// a link to the next one, and at a page that repeats the previous one, because
// some endpoints ignore the page parameter. An error is the last thing it yields.
func listPages[T any, P resourcePtr[T]](ctx context.Context, s *service, path string, query listQuery) iter.Seq2[*listPage[T], error] {
	return func(yield func(*listPage[T], error) bool) {
		if query.invalid != nil {
			yield(nil, invalidRequest(Request{Method: http.MethodGet, Path: path}, query.invalid))
			return
		}
		values := url.Values{}
		maps.Copy(values, query.values)
		pageCtx, nextCtx := ctx, transport.WithoutPrecedence(ctx)
		var previous []int64
		stale := 0 // pages in a row without anything new
		for number := 1; ; number++ {
			values.Set("page", strconv.Itoa(number))
			page, err := getPage[T, P](pageCtx, s, path, values)
			if err != nil {
				yield(nil, err)
				return
			}
			// A page that says its number is not the previous one, although it may
			// hold the same items: others have been inserted before them.
			repeated := slices.Equal(page.ids, previous)
			if len(page.ids) > 0 && repeated && !page.isNumber(number) {
				return
			}
			if !yield(page, nil) || page.Links.Next == "" {
				return
			}
			if stale++; len(page.ids) > 0 && !repeated {
				stale = 0
			}
			if stale > maxStalePages {
				yield(nil, newUnusableError(path, errStalePages))
				return
			}
			previous, pageCtx = page.ids, nextCtx
		}
	}
}

// maxStalePages is how many pages in a row of a list may be empty or repeat the one
// before: items can be deleted or hidden after they were counted, or inserted.
const maxStalePages = 3

var errStalePages = safeText("a list with too many pages that are empty or repeat others")

func newUnusableError(path string, err error) *Error {
	return &Error{Method: http.MethodGet, Path: path, StatusCode: http.StatusOK, Err: err}
}

// A listPage is one page of a list. Trengo has two envelopes; both contain the
// link to the next page, and only one the number of this one.
type listPage[T any] struct {
	Data  listData[T] `json:"data"`
	Links struct {
		Next string `json:"next"`
	} `json:"links"`
	Meta struct {
		CurrentPage json.RawMessage `json:"current_page"` // a number, or its text
	} `json:"meta"`
	ids []int64 // of Data
}

// isNumber reports whether the page says that it is the one with this number.
func (p *listPage[T]) isNumber(n int) bool {
	return string(bytes.Trim(p.Meta.CurrentPage, `"`)) == strconv.Itoa(n)
}

// listData is an array. PHP sends one whose indexes have gaps as an object, such
// as {"0":{…},"2":{…}}.
type listData[T any] []*T

func (d *listData[T]) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return unmarshalLeniently(data, (*[]*T)(d))
	}
	*d = listData[T]{}
	for index, element := range rawjson.Members(data) {
		if _, err := strconv.Atoi(index); err != nil {
			return safeText("a list whose data is an object")
		}
		item := new(T)
		if err := unmarshalLeniently(element, item); err != nil {
			return err
		}
		*d = append(*d, item)
	}
	return nil
}

func getPage[T any, P resourcePtr[T]](ctx context.Context, s *service, path string, query url.Values) (*listPage[T], error) {
	page := new(listPage[T])
	err := s.do(ctx, Request{Path: path, Query: query}, func(body []byte) error {
		*page = listPage[T]{} // an earlier attempt may have filled a part of it
		if err := unmarshalLeniently(body, page); err != nil {
			return err
		}
		// Without its data it is not an empty page: whoever searches before
		// creating would create what already exists.
		if page.Data == nil {
			return safeText("a list without data")
		}
		for _, item := range page.Data {
			if item == nil || P(item).id() == 0 {
				return errNoID
			}
			page.ids = append(page.ids, P(item).id())
		}
		return nil
	})
	return page, err
}

// A listQuery collects what narrows a list. The zero value narrows nothing.
type listQuery struct {
	values  url.Values
	invalid error // the first mistake
}

func (q *listQuery) add(name, value string) {
	if q.values == nil {
		q.values = url.Values{}
	}
	q.values.Add(name, value)
}

// addText adds a text, unless it is empty.
func (q *listQuery) addText(name, value string) {
	if value != "" {
		q.add(name, value)
	}
}

// addNumber adds a number, unless it is zero.
func (q *listQuery) addNumber(name string, n int) {
	if n != 0 {
		q.add(name, strconv.Itoa(n))
	}
}

// addID adds an ID, unless it is zero.
func (q *listQuery) addID(name, field string, id int64) {
	if id != 0 {
		q.addIDs(name, field, []int64{id})
	}
}

// addIDs adds several IDs. An ID below 1 is a mistake: left out, it would
// widen the list.
func (q *listQuery) addIDs(name, field string, ids []int64) {
	if err := checkIDs(field, ids); err != nil && q.invalid == nil {
		q.invalid = err
	}
	for _, id := range ids {
		q.add(name, strconv.FormatInt(id, 10))
	}
}
