package trengo_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// bigID is beyond 32 bits, as ids of messages at Trengo are.
const bigID = 4_000_000_001

// A method is one method of a service, called with bigID wherever it takes an
// id, and with the personal data of nobody wherever it takes a text. It says
// whether something came back beside the error.
type method struct {
	name    string
	request string
	route   string
	call    func(context.Context, *trengo.Client) (result bool, err error)
}

var methods = []method{
	{"ContactsService.List", "GET /contacts", "/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return first(c.Contacts.List(ctx, trengo.ContactListOptions{Term: "zoe.quill@example.com"}))
	}},
	{"ContactsService.Get", "GET /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Contacts.Get(ctx, bigID)
		return got != nil, err
	}},
	{"ContactsService.Create", "POST /channels/4000000001/contacts", "/channels/{id}/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: bigID, Identifier: "zoe.quill@example.com", Name: "Zoe Quill"})
		return got != nil, err
	}},
	{"ContactsService.Create by phone", "POST /channels/4000000001/contacts", "/channels/{id}/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: bigID, Identifier: "+31600000001", Name: "Zoe Quill"})
		return got != nil, err
	}},
	{"ContactsService.Update", "PUT /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Contacts.Update(ctx, bigID, trengo.ContactUpdateParams{Name: "Zoe Quill"})
		return got != nil, err
	}},
	{"ContactsService.Delete", "DELETE /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return false, c.Contacts.Delete(ctx, bigID)
	}},
	{"TicketsService.List", "GET /tickets", "/tickets", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return first(c.Tickets.List(ctx, trengo.TicketListOptions{Term: "+31600000001"}))
	}},
	{"TicketsService.Get", "GET /tickets/4000000001", "/tickets/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Tickets.Get(ctx, bigID)
		return got != nil, err
	}},
	{"TicketsService.Create", "POST /tickets", "/tickets", func(ctx context.Context, c *trengo.Client) (bool, error) {
		got, err := c.Tickets.Create(ctx, trengo.TicketCreateParams{ContactID: bigID, ChannelID: bigID, Subject: "For Zoe Quill"})
		return got != nil, err
	}},
	{"TicketsService.Close", "POST /tickets/4000000001/close", "/tickets/{id}/close", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return false, c.Tickets.Close(ctx, bigID, trengo.TicketCloseParams{})
	}},
	{"TicketsService.Reopen", "POST /tickets/4000000001/reopen", "/tickets/{id}/reopen", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return false, c.Tickets.Reopen(ctx, bigID)
	}},
	{"TicketsService.Assign", "POST /tickets/4000000001/assign", "/tickets/{id}/assign", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return false, c.Tickets.Assign(ctx, bigID, trengo.TicketAssignParams{UserID: bigID})
	}},
	{"TicketsService.Assign with a note", "POST /tickets/4000000001/assign", "/tickets/{id}/assign", func(ctx context.Context, c *trengo.Client) (bool, error) {
		return false, c.Tickets.Assign(ctx, bigID, trengo.TicketAssignParams{TeamID: bigID, Note: "Call Zoe Quill"})
	}},
}

// first reads a list as far as its first item or error.
func first[T any](list iter.Seq2[*T, error]) (bool, error) {
	for v, err := range list {
		return v != nil, err
	}
	return false, nil
}

func TestServices_uniform(t *testing.T) {
	t.Parallel()
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
				return trengotest.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found.","id":5,"data":[{"id":5}]}`)
			})
			var seen []trengo.Attempt
			client := newClient(t, srv, trengo.WithObserver(func(a trengo.Attempt) { seen = append(seen, a) }))
			result, err := m.call(t.Context(), client)
			if result || !errors.Is(err, trengo.ErrNotFound) {
				t.Errorf("result: %t, error %v; want not found alone", result, err)
			}
			if diff := cmp.Diff([]string{m.request}, methodsAndPaths(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			verb, path, _ := strings.Cut(m.request, " ")
			if failed := errorOf(t, err); failed.Method != verb || failed.Path != path || failed.Message != "Not Found." || failed.Attempts != 1 {
				t.Errorf("error is %+v", *failed)
			}
			want := []trengo.Attempt{{Method: verb, Route: m.route, Status: http.StatusNotFound, Number: 1, Class: "refused"}}
			for i := range seen {
				seen[i].Waited, seen[i].Elapsed = 0, 0
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("attempts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServices_honourTheContext(t *testing.T) {
	t.Parallel()
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			result, err := m.call(ctx, newClient(t, srv))
			if result || !errors.Is(err, context.Canceled) || errors.Is(err, trengo.ErrOutcomeUnknown) {
				t.Errorf("result: %t, error %v; want a cancelled context alone", result, err)
			}
			if errorOf(t, err).Attempts != 0 || len(srv.Requests()) != 0 {
				t.Errorf("%v, %d requests; want none", err, len(srv.Requests()))
			}
		})
	}
}

// An answer that was refused halfway leaves nothing behind.
func TestContactsService_Get_refusedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := []string{`{"name":"Old","channels":[{"id":1}]}`, `{"id":5}`}
		client := newClientOn(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			body := bodies[0]
			bodies = bodies[1:]
			return respond(http.StatusOK, body)(r)
		}))
		got, err := client.Contacts.Get(t.Context(), 5)
		if diff := cmp.Diff(&trengo.Contact{ID: 5}, got); err != nil || diff != "" {
			t.Errorf("%v, contact (-want +got):\n%s", err, diff)
		}
	})
}

// An answer without an id is no answer, whatever the method.
func TestServices_answerWithoutID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ContactsService.Get", "ContactsService.Create", "ContactsService.Update", "TicketsService.Get", "TicketsService.Create"} {
		for _, body := range []string{`{}`, `[]`, `null`, `{"id":null}`, `{"id":0}`, `{"id":"5"}`, `{"data":{"id":5}}`, `"Ann"`} {
			client := newClientOn(t, respond(http.StatusOK, body), trengo.WithMaxRetries(0))
			for _, m := range methods {
				if m.name != name {
					continue
				}
				result, err := m.call(t.Context(), client)
				if result || err == nil || !strings.Contains(err.Error(), "200 OK: an answer without an id") {
					t.Errorf("%s: %s gives a result: %t, error %v", name, body, result, err)
				}
			}
		}
	}
}
