package testkit

import (
	"context"
	"iter"

	"github.com/trengo-go/trengo"
)

// LargeID is beyond 32 bits, as the IDs of messages at Trengo are.
const LargeID = 4_000_000_001

// A Method is one method of a service. Call calls it with [LargeID] wherever it
// takes an ID, and with the personal data of one invented person, Zoe Quill,
// wherever it takes a text. It returns whether there was a result beside the
// error.
type Method struct {
	Name    string // "ContactsService.Get"
	Request string // "GET /contacts/4000000001"
	Route   string // "/contacts/{id}"
	Call    func(context.Context, *trengo.Client) (result bool, err error)
}

// Methods returns the methods of all services.
func Methods() []Method {
	return []Method{
		{"ContactsService.List", "GET /contacts", "/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return first(c.Contacts.List(ctx, trengo.ContactListOptions{Term: "zoe.quill@example.com"}))
		}},
		{"ContactsService.Get", "GET /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Contacts.Get(ctx, LargeID)
			return got != nil, err
		}},
		{"ContactsService.Create", "POST /channels/4000000001/contacts", "/channels/{id}/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: LargeID, Identifier: "zoe.quill@example.com", Name: "Zoe Quill"})
			return got != nil, err
		}},
		{"ContactsService.Create with a phone number", "POST /channels/4000000001/contacts", "/channels/{id}/contacts", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: LargeID, Identifier: "+31600000001", Name: "Zoe Quill"})
			return got != nil, err
		}},
		{"ContactsService.Update", "PUT /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Contacts.Update(ctx, LargeID, trengo.ContactUpdateParams{Name: "Zoe Quill"})
			return got != nil, err
		}},
		{"ContactsService.Delete", "DELETE /contacts/4000000001", "/contacts/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return false, c.Contacts.Delete(ctx, LargeID)
		}},
		{"TicketsService.List", "GET /tickets", "/tickets", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return first(c.Tickets.List(ctx, trengo.TicketListOptions{Term: "+31600000001"}))
		}},
		{"TicketsService.Get", "GET /tickets/4000000001", "/tickets/{id}", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Tickets.Get(ctx, LargeID)
			return got != nil, err
		}},
		{"TicketsService.Create", "POST /tickets", "/tickets", func(ctx context.Context, c *trengo.Client) (bool, error) {
			got, err := c.Tickets.Create(ctx, trengo.TicketCreateParams{ContactID: LargeID, ChannelID: LargeID, Subject: "For Zoe Quill"})
			return got != nil, err
		}},
		{"TicketsService.Close", "POST /tickets/4000000001/close", "/tickets/{id}/close", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return false, c.Tickets.Close(ctx, LargeID, trengo.TicketCloseParams{})
		}},
		{"TicketsService.Reopen", "POST /tickets/4000000001/reopen", "/tickets/{id}/reopen", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return false, c.Tickets.Reopen(ctx, LargeID)
		}},
		{"TicketsService.Assign", "POST /tickets/4000000001/assign", "/tickets/{id}/assign", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return false, c.Tickets.Assign(ctx, LargeID, trengo.TicketAssignParams{UserID: LargeID})
		}},
		{"TicketsService.Assign with a note", "POST /tickets/4000000001/assign", "/tickets/{id}/assign", func(ctx context.Context, c *trengo.Client) (bool, error) {
			return false, c.Tickets.Assign(ctx, LargeID, trengo.TicketAssignParams{TeamID: LargeID, Note: "Call Zoe Quill"})
		}},
	}
}

// first reads a list as far as its first item or error.
func first[T any](list iter.Seq2[*T, error]) (bool, error) {
	for v, err := range list {
		return v != nil, err
	}
	return false, nil
}
