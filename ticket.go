package trengo

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// TicketsService groups the ticket calls; use [Client.Tickets].
type TicketsService service

// List returns the tickets. It reads a page when the loop reaches it, one
// request each, and stops after the first error. The sequence can be used
// again, which reads again.
//
// Trengo API: GET /tickets
func (s *TicketsService) List(ctx context.Context, opts TicketListOptions) iter.Seq2[*Ticket, error] {
	return list[Ticket](ctx, (*service)(s), ticketsPath, opts.query())
}

// Get returns a ticket, or [ErrNotFound] if it was deleted or merged into
// another.
//
// Trengo API: GET /tickets/{id}
func (s *TicketsService) Get(ctx context.Context, id int64) (*Ticket, error) {
	return send[Ticket](ctx, (*service)(s), Request{Path: resourcePath(ticketsPath, id)})
}

// Create opens a ticket. Trengo assigns it to the token's user and sends
// nothing to the contact. Two calls open two tickets. Therefore the call is
// repeated only if nothing can have happened, and ends with
// [ErrOutcomeUnknown] if that is not known. An unknown contact or channel is
// [ErrUnprocessable], and so is a private contact on a shared channel.
//
// Trengo API: POST /tickets
func (s *TicketsService) Create(ctx context.Context, in TicketCreateParams) (*Ticket, error) {
	return send[Ticket](ctx, (*service)(s), Request{Method: http.MethodPost, Path: ticketsPath, Body: in})
}

// Close closes a ticket. Closing it again changes nothing.
//
// Trengo API: POST /tickets/{id}/close
func (s *TicketsService) Close(ctx context.Context, id int64, in TicketCloseParams) error {
	return s.act(ctx, id, "/close", in, true)
}

// Reopen reopens a ticket. Reopening it again changes nothing.
//
// Trengo API: POST /tickets/{id}/reopen
func (s *TicketsService) Reopen(ctx context.Context, id int64) error {
	return s.act(ctx, id, "/reopen", struct{}{}, true)
}

// Assign assigns a ticket to a user or a team. A call with a note is not
// repeated when the outcome of an attempt is unknown, because it would leave a
// second note: it ends with [ErrOutcomeUnknown].
//
// Trengo API: POST /tickets/{id}/assign
func (s *TicketsService) Assign(ctx context.Context, id int64, in TicketAssignParams) error {
	return s.act(ctx, id, "/assign", in, in.Note == "")
}

// messages lists the messages of a ticket, newest first. The history of the ticket
// may stand among them.
//
// Trengo API: GET /tickets/{id}/messages
func (s *TicketsService) messages(ctx context.Context, ticketID int64) iter.Seq2[*LatestMessage, error] {
	var query listQuery
	query.addNumber("per_page", maxTicketsPerPage)
	return list[LatestMessage](ctx, (*service)(s), resourcePath(ticketsPath, ticketID, "/messages"), query)
}

// act makes a call whose response Trengo does not document.
func (s *TicketsService) act(ctx context.Context, id int64, action string, body any, repeatable bool) error {
	return (*service)(s).do(ctx, Request{
		Method:     http.MethodPost,
		Path:       resourcePath(ticketsPath, id, action),
		Body:       body,
		Repeatable: repeatable,
	}, nil)
}

// A Ticket is a conversation with a contact on a channel. Which fields are
// filled depends on the call: Create fills IDs and dates, List the contact,
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
	// LatestMessage is nil, or without an ID, if Trengo sends only its date or
	// nothing.
	LatestMessage *LatestMessage `json:"latest_message"`

	// CustomData holds the custom fields that are set, by name.
	CustomData        map[string]string  `json:"custom_data"`
	CustomFieldValues []CustomFieldValue `json:"custom_field_values"`
	Audits            []TicketAudit      `json:"audits"`

	// The following were recorded empty, or in an unknown format.
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

// channelIDAnywhere returns the ID of the channel, wherever the response has it.
func (t *Ticket) channelIDAnywhere() int64 {
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

func (m *LatestMessage) id() int64 { return m.ID }

// A TicketAudit is an entry of a ticket's history.
type TicketAudit struct {
	ID        int64     `json:"id"`
	Type      string    `json:"type"`
	AuditType string    `json:"audit_type"` // such as TICKET_CREATED
	BodyType  string    `json:"body_type"`
	Message   string    `json:"message"` // in the language of the token's user
	CreatedAt Timestamp `json:"created_at"`
}

// A TicketStatus is the state of a ticket. Trengo may send others than the
// known ones.
type TicketStatus string

// The known states of a ticket.
const (
	TicketStatusOpen     TicketStatus = "OPEN"
	TicketStatusAssigned TicketStatus = "ASSIGNED"
	TicketStatusClosed   TicketStatus = "CLOSED"
	TicketStatusInvalid  TicketStatus = "INVALID" // spam
)

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
	// UpdatedAfter leaves out tickets whose last activity is older. The client
	// sends it in UTC; Trengo does not document the zone, so allow for a day.
	UpdatedAfter time.Time
	// OldestFirst reverses the order, which is by latest activity, newest
	// first.
	OldestFirst bool
	// Term is free text, such as an email or the digits of a phone number.
	// Trengo does not document it.
	Term string
	// PerPage is the number of tickets per request, at most 100. Zero means
	// Trengo's default (25).
	PerPage int
}

func (o TicketListOptions) query() listQuery {
	var query listQuery
	query.addText("status", string(o.Status))
	query.addID("contact_id", "ContactID", o.ContactID)
	query.addIDs("users[]", "UserIDs", o.UserIDs)
	query.addIDs("channels[]", "ChannelIDs", o.ChannelIDs)
	query.addIDs("labels[]", "LabelIDs", o.LabelIDs)
	query.addText("last_message_type", o.LastMessageType)
	query.addText("term", o.Term)
	query.addNumber("per_page", o.PerPage)
	if !o.UpdatedAfter.IsZero() {
		query.addText("updated_at_gt", o.UpdatedAfter.UTC().Format(time.DateTime))
	}
	if o.OldestFirst {
		query.addText("sort", "date")
	}
	return query
}

// TicketCreateParams are the input of [TicketsService.Create].
type TicketCreateParams struct {
	ContactID int64 `json:"contact_id"`
	ChannelID int64 `json:"channel_id"`
	// Subject matters on email channels. An empty one is not sent.
	Subject string `json:"subject,omitzero"`
}

func (p TicketCreateParams) validate() error {
	if err := checkID("ContactID", p.ContactID); err != nil {
		return err
	}
	return checkID("ChannelID", p.ChannelID)
}

// TicketCloseParams are the input of [TicketsService.Close].
type TicketCloseParams struct {
	ResultID int64 `json:"ticket_result_id,omitzero"` // zero means none
}

func (p TicketCloseParams) validate() error { return checkOptionalID("ResultID", p.ResultID) }

// TicketAssignParams are the input of [TicketsService.Assign]: either a user
// or a team.
type TicketAssignParams struct {
	UserID int64
	TeamID int64
	// Note is left on the ticket; empty leaves none.
	Note string
}

// MarshalJSON adds the type that Trengo asks for.
func (p TicketAssignParams) MarshalJSON() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	body := struct {
		Type   string `json:"type"`
		UserID int64  `json:"user_id,omitzero"`
		TeamID int64  `json:"team_id,omitzero"`
		Note   string `json:"note,omitzero"`
	}{Type: "user", UserID: p.UserID, TeamID: p.TeamID, Note: p.Note}
	if p.TeamID != 0 {
		body.Type = "team"
	}
	return encodeJSON(body)
}

func (p TicketAssignParams) validate() error {
	if (p.UserID == 0) == (p.TeamID == 0) {
		return safeText("a ticket is assigned to either a user or a team")
	}
	if err := checkOptionalID("UserID", p.UserID); err != nil {
		return err
	}
	return checkOptionalID("TeamID", p.TeamID)
}

const (
	ticketsPath = "/tickets"
	// maxTicketsPerPage is the largest page of tickets, and of messages, that
	// Trengo is known to send.
	maxTicketsPerPage = 100
)
