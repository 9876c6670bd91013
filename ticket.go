package trengo

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// TicketsService is the tickets of a workspace: [Client.Tickets].
type TicketsService service

// A TicketStatus is the state of a ticket. Trengo may send others than these.
type TicketStatus string

// The known states of a ticket.
const (
	TicketStatusOpen     TicketStatus = "OPEN"
	TicketStatusAssigned TicketStatus = "ASSIGNED"
	TicketStatusClosed   TicketStatus = "CLOSED"
	TicketStatusInvalid  TicketStatus = "INVALID" // spam
)

// A Ticket is a conversation with a contact on a channel. Which fields are
// filled depends on the call: Create fills ids and dates, List the contact,
// channel and latest message, Get nearly all of them.
type Ticket struct {
	ID        int64        `json:"id"`
	AgencyID  int64        `json:"agency_id"`
	Status    TicketStatus `json:"status"`
	Subject   string       `json:"subject"`
	ContactID int64        `json:"contact_id"`
	// ChannelID is filled by Create; List and Get fill Channel.
	ChannelID  int64 `json:"channel_id"`
	UserID     int64 `json:"user_id"`
	TeamID     int64 `json:"team_id"`
	AssignedBy int64 `json:"assigned_by"`

	CreatedAt               Timestamp `json:"created_at"`
	UpdatedAt               Timestamp `json:"updated_at"`
	AssignedAt              Timestamp `json:"assigned_at"`
	AIAssignedAt            Timestamp `json:"ai_assigned_at"`
	ClosedAt                Timestamp `json:"closed_at"`
	LatestMessageAt         Timestamp `json:"latest_message_at"`
	LatestReceivedMessageAt Timestamp `json:"latest_received_message_at"`

	Contact       *Contact `json:"contact"`
	Channel       *Channel `json:"channel"`
	Team          *Team    `json:"team"`
	Agent         *User    `json:"agent"`
	Assignee      *User    `json:"assignee"`
	Labels        []Label  `json:"labels"`
	MessagesCount int      `json:"messages_count"`
	// LatestMessage is nil, or without an ID, where Trengo sends only its date
	// or nothing.
	LatestMessage *LatestMessage `json:"latest_message"`

	// CustomData has the custom fields that are set, by name.
	CustomData        map[string]string  `json:"custom_data"`
	CustomFieldValues []CustomFieldValue `json:"custom_field_values"`
	Audits            []TicketAudit      `json:"audits"`

	// What follows was recorded empty, or without a known shape.
	ChannelMeta          json.RawMessage   `json:"channelMeta"`
	ClosedBy             json.RawMessage   `json:"closed_by"`
	Reminder             json.RawMessage   `json:"reminder"`
	Results              []json.RawMessage `json:"results"`
	Watchers             []json.RawMessage `json:"watchers"`
	Starred              []json.RawMessage `json:"starred"`
	Attachments          []json.RawMessage `json:"attachments"`
	MessagingAttachments []json.RawMessage `json:"messaging_attachments"`
	RelatedTickets       []json.RawMessage `json:"related_tickets"`
}

func (t *Ticket) id() int64 { return t.ID }

// onChannel is the channel's id, wherever the answer has it.
func (t *Ticket) onChannel() int64 {
	if t.ChannelID == 0 && t.Channel != nil {
		return t.Channel.ID
	}
	return t.ChannelID
}

// A LatestMessage is the last message of a ticket in a list.
type LatestMessage struct {
	ID          int64             `json:"id"`
	Type        string            `json:"type"` // INBOUND, OUTBOUND or NOTE
	Message     string            `json:"message"`
	CreatedAt   Timestamp         `json:"created_at"`
	Attachments []json.RawMessage `json:"attachments"`
}

// A TicketAudit is an entry of a ticket's history.
type TicketAudit struct {
	ID        int64     `json:"id"`
	Type      string    `json:"type"`
	AuditType string    `json:"audit_type"` // such as TICKET_CREATED
	BodyType  string    `json:"body_type"`
	Message   string    `json:"message"` // in the language of the token's user
	CreatedAt Timestamp `json:"created_at"`
}

// TicketListOptions narrow [TicketsService.List]. The zero value lists all
// tickets.
type TicketListOptions struct {
	Status     TicketStatus
	ContactID  int64
	UserIDs    []int64
	ChannelIDs []int64
	LabelIDs   []int64
	// LastMessageType is INBOUND or OUTBOUND.
	LastMessageType string
	// UpdatedAfter leaves out tickets whose last activity is older. Trengo
	// does not document the zone; UTC is sent, so leave a day of slack.
	UpdatedAfter time.Time
	// OldestFirst turns the order round: the default is the newest activity
	// first.
	OldestFirst bool
	// Term is free text, such as an e-mail or the digits of a phone. Trengo
	// does not document it.
	Term string
	// PerPage is the number of tickets per request, at most 100; 0 leaves it
	// to Trengo (25).
	PerPage int
}

func (o TicketListOptions) query() url.Values {
	query := url.Values{}
	addText(query, "status", string(o.Status))
	addID(query, "contact_id", o.ContactID)
	addIDs(query, "users[]", o.UserIDs)
	addIDs(query, "channels[]", o.ChannelIDs)
	addIDs(query, "labels[]", o.LabelIDs)
	addText(query, "last_message_type", o.LastMessageType)
	addText(query, "term", o.Term)
	addID(query, "per_page", int64(o.PerPage))
	if !o.UpdatedAfter.IsZero() {
		query.Set("updated_at_gt", o.UpdatedAfter.UTC().Format(time.DateTime))
	}
	if o.OldestFirst {
		query.Set("sort", "date")
	}
	return query
}

// List returns the tickets. It reads a page when the loop comes to it, one
// request for each, and stops after the first error. The sequence can be used
// again, which reads again.
//
// Trengo API: GET /tickets
func (s *TicketsService) List(ctx context.Context, opts TicketListOptions) iter.Seq2[*Ticket, error] {
	return list[Ticket](ctx, s.client, ticketsPath, opts.query())
}

// Get returns a ticket, or [ErrNotFound] if it was deleted or merged into
// another.
//
// Trengo API: GET /tickets/{id}
func (s *TicketsService) Get(ctx context.Context, id int64) (*Ticket, error) {
	ticket := new(Ticket)
	err := s.client.do(ctx, Request{Path: ticketPath(id)}, decodeResource(ticket))
	return orNil(ticket, err)
}

// TicketCreateParams is the input of [TicketsService.Create].
type TicketCreateParams struct {
	ContactID int64 `json:"contact_id"`
	ChannelID int64 `json:"channel_id"`
	// Subject matters on e-mail channels; an empty one is not sent.
	Subject string `json:"subject,omitzero"`
}

// Create opens a ticket. It is assigned to the token's user, and nothing is
// sent to the contact. Creating twice makes two tickets: the call is repeated
// only where nothing can have happened, and ends with [ErrOutcomeUnknown]
// where that is not known. An unknown contact or channel is
// [ErrUnprocessable], and so is a private contact on a shared channel.
//
// Trengo API: POST /tickets
func (s *TicketsService) Create(ctx context.Context, in TicketCreateParams) (*Ticket, error) {
	ticket := new(Ticket)
	err := s.client.do(ctx, Request{Method: http.MethodPost, Path: ticketsPath, Body: in}, decodeResource(ticket))
	return orNil(ticket, err)
}

// TicketCloseParams is the input of [TicketsService.Close].
type TicketCloseParams struct {
	ResultID int64 `json:"ticket_result_id,omitzero"` // 0: none
}

// Close closes a ticket. Closing it twice changes nothing further.
//
// Trengo API: POST /tickets/{id}/close
func (s *TicketsService) Close(ctx context.Context, id int64, in TicketCloseParams) error {
	return s.act(ctx, id, "/close", in, true)
}

// Reopen reopens a ticket. Reopening it twice changes nothing further.
//
// Trengo API: POST /tickets/{id}/reopen
func (s *TicketsService) Reopen(ctx context.Context, id int64) error {
	return s.act(ctx, id, "/reopen", struct{}{}, true)
}

// TicketAssignParams is the input of [TicketsService.Assign]: either a user or a
// team.
type TicketAssignParams struct {
	UserID int64
	TeamID int64
	// Note is left on the ticket; empty leaves none.
	Note string
}

// MarshalJSON adds the type that Trengo asks for.
func (a TicketAssignParams) MarshalJSON() ([]byte, error) {
	body := struct {
		Type   string `json:"type"`
		UserID int64  `json:"user_id,omitzero"`
		TeamID int64  `json:"team_id,omitzero"`
		Note   string `json:"note,omitzero"`
	}{Type: "user", UserID: a.UserID, TeamID: a.TeamID, Note: a.Note}
	switch {
	case (a.UserID == 0) == (a.TeamID == 0):
		return nil, ownError("a ticket is assigned to either a user or a team")
	case a.TeamID != 0:
		body.Type = "team"
	}
	return encode(body)
}

// Assign assigns a ticket to a user or a team. With a note it is not repeated
// when the outcome of an attempt is unknown, because a second time would
// leave a second note; it ends with [ErrOutcomeUnknown].
//
// Trengo API: POST /tickets/{id}/assign
func (s *TicketsService) Assign(ctx context.Context, id int64, in TicketAssignParams) error {
	return s.act(ctx, id, "/assign", in, in.Note == "")
}

// act does something to a ticket whose answer is not worth reading: what
// Trengo answers is not documented.
func (s *TicketsService) act(ctx context.Context, id int64, action string, body any, repeatable bool) error {
	return s.client.Do(ctx, Request{
		Method:     http.MethodPost,
		Path:       ticketPath(id) + action,
		Body:       body,
		Repeatable: repeatable,
	}, nil)
}

const ticketsPath = "/tickets"

func ticketPath(id int64) string { return ticketsPath + "/" + strconv.FormatInt(id, 10) }
