package trengo

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/trengo-go/trengo/internal/transport"
)

// page is one page of a list. Trengo has two envelopes, and only the next
// link is in both of them.
type page[T any] struct {
	Data  []T `json:"data"`
	Links struct {
		Next string `json:"next"`
	} `json:"links"`
}

// list reads a list page by page, as far as the caller goes on. It ends where
// there is no next link, at an empty page, and at a page that repeats the one
// before, because some endpoints ignore the page parameter. The first error
// is the last thing yielded.
func list[T any, P interface {
	*T
	resource
}](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		query := maps.Clone(query)
		pageCtx, continuing := ctx, transport.Continuing(ctx)
		var before []int64
		for number := 1; ; number++ {
			query.Set("page", strconv.Itoa(number))
			p, ids, err := getPage[T, P](pageCtx, c, path, query)
			if err != nil {
				yield(nil, err)
				return
			}
			if slices.Equal(ids, before) {
				return
			}
			for _, item := range p.Data {
				if !yield(item, nil) {
					return
				}
			}
			if len(ids) == 0 || p.Links.Next == "" {
				return
			}
			before, pageCtx = ids, continuing
		}
	}
}

func getPage[T any, P interface {
	*T
	resource
}](ctx context.Context, c *Client, path string, query url.Values) (p *page[P], ids []int64, err error) {
	err = c.do(ctx, Request{Path: path, Query: query}, func(body []byte) error {
		p, ids = new(page[P]), nil
		if err := unmarshalLeniently(body, p); err != nil {
			return err
		}
		// Without its data a page is no empty page: whoever searches before
		// creating would create what is already there.
		if p.Data == nil {
			return ownError("a list without data")
		}
		for _, item := range p.Data {
			if item == nil || item.id() == 0 {
				return errNoID
			}
			ids = append(ids, item.id())
		}
		return nil
	})
	return p, ids, err
}

func addID(query url.Values, name string, id int64) {
	if id != 0 {
		query.Add(name, strconv.FormatInt(id, 10))
	}
}

func addIDs(query url.Values, name string, ids []int64) {
	for _, id := range ids {
		addID(query, name, id)
	}
}

func addText(query url.Values, name, value string) {
	if value != "" {
		query.Add(name, value)
	}
}
