package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func TestTicketsService_Create(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.AddChannel(trengotest.Channel{ID: 500})
		srv.AddContact(trengotest.Contact{ID: 4_000_000_001, Email: "ann@example.com"})
		got, err := fixtures.NewClient(t, srv).Tickets.Create(t.Context(), trengo.TicketCreateParams{
			ContactID: 4_000_000_001, ChannelID: 500, Subject: "Order <12> & more",
		})
		if err != nil {
			t.Fatal(err)
		}
		request := `POST /tickets {"contact_id":4000000001,"channel_id":500,"subject":"Order <12> & more"}`
		if diff := cmp.Diff(request, testkit.LastRequest(t, srv)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		created, user := srv.Tickets()[0], srv.Users()[0]
		const now = "2000-01-01T00:00:00.000000Z"
		want := &trengo.Ticket{
			ID: created.ID, AgencyID: got.AgencyID, Status: trengo.TicketStatusAssigned, Subject: "Order <12> & more",
			ContactID: 4_000_000_001, ChannelID: 500, UserID: user.ID, AssignedBy: user.ID,
			CreatedAt: now, UpdatedAt: now, AssignedAt: now,
			Channel: got.Channel, Agent: got.Agent, LatestMessage: got.LatestMessage,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ticket (-want +got):\n%s", diff)
		}
		if got.AgencyID == 0 || got.Channel.ID != 500 || got.Agent.ID != user.ID {
			t.Errorf("agency %d, channel %+v, agent %+v", got.AgencyID, got.Channel, got.Agent)
		}
		if m := got.LatestMessage; m != nil && m.ID != 0 {
			t.Errorf("the date of a message was decoded as the message %+v", m)
		}
	})
}

func TestTicketsService_Create_withoutSubject(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	in := fixtures.AddTicketParams(srv)
	in.Subject = ""
	if _, err := fixtures.NewClient(t, srv).Tickets.Create(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if request := testkit.LastRequest(t, srv); strings.Contains(request, "subject") {
		t.Errorf("an empty subject is sent: %s", request)
	}
}

// A create is retried only if the attempt cannot have created a ticket.
func TestTicketsService_Create_once(t *testing.T) {
	tests := []struct {
		name     string
		faults   []trengotest.Fault
		requests int
		tickets  int
		unknown  bool
	}{
		{"no fault", nil, 1, 1, false},
		{"no connection", []trengotest.Fault{trengotest.NoConnection(), trengotest.NoConnection()}, 3, 1, false},
		{"a rate limit", []trengotest.Fault{trengotest.TooManyRequests("7"), trengotest.TooManyRequests("")}, 3, 1, false},
		{"a rate limit with a web page", []trengotest.Fault{trengotest.RespondHTML(429)}, 2, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { createOnce(t, tt.faults, tt.requests, tt.tickets, tt.unknown) })
	}
}

// Any other failure leaves the outcome unknown.
func TestTicketsService_Create_unknownOutcome(t *testing.T) {
	tests := []struct {
		name    string
		fault   trengotest.Fault
		tickets int
	}{
		{"the response is lost", trengotest.LostAfter(), 1},
		{"the request is lost", trengotest.LostBefore(), 0},
		{"the response is truncated", trengotest.Truncated(), 1},
		{"the response comes after the timeout", trengotest.Slow(time.Minute), 1},
		{"the ticket is created after the timeout", trengotest.Late(time.Minute), 1},
		{"the server fails", trengotest.Respond(500, "application/json", `{"message":"Server Error"}`), 0},
		{"a proxy fails", trengotest.RespondHTML(502), 0},
		{"a proxy times out", trengotest.RespondHTML(504), 0},
		{"the response is a web page", trengotest.RespondHTML(200), 0},
		{"the response is empty", trengotest.Respond(200, "application/json", ""), 0},
		{"the response has no ID", trengotest.Respond(200, "application/json", `{"message":"OK"}`), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { createOnce(t, []trengotest.Fault{tt.fault}, 1, tt.tickets, true) })
	}
}

func createOnce(t *testing.T, faults []trengotest.Fault, requests, tickets int, unknown bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		in := fixtures.AddTicketParams(srv)
		srv.Inject(faults...)
		got, err := fixtures.NewClient(t, srv).Tickets.Create(t.Context(), in)
		if errors.Is(err, trengo.ErrOutcomeUnknown) != unknown || (err == nil) == unknown || (got == nil) != unknown {
			t.Errorf("got %+v, %v; unknown outcome wanted: %t", got, err, unknown)
		}
		// A late request takes effect before the test ends.
		time.Sleep(time.Hour)
		if len(srv.Requests()) != requests || len(srv.Tickets()) != tickets {
			t.Errorf("%d requests created %d tickets, want %d and %d", len(srv.Requests()), len(srv.Tickets()), requests, tickets)
		}
	})
}

func TestTicketsService_Create_unprocessable(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	in := fixtures.AddTicketParams(srv)
	private := srv.AddContact(trengotest.Contact{Email: "bob@example.com", Private: true})
	tests := []struct {
		name  string
		in    trengo.TicketCreateParams
		field string
	}{
		{"a contact that does not exist", trengo.TicketCreateParams{ContactID: 1, ChannelID: in.ChannelID}, "contact_id"},
		{"a channel that does not exist", trengo.TicketCreateParams{ContactID: in.ContactID, ChannelID: 1}, "channel_id"},
		{"a private contact on a shared channel", trengo.TicketCreateParams{ContactID: private.ID, ChannelID: in.ChannelID}, "contact_id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := fixtures.NewClient(t, srv).Tickets.Create(t.Context(), tt.in)
			if got != nil || !errors.Is(err, trengo.ErrUnprocessable) {
				t.Fatalf("got %+v, %v; want only an error", got, err)
			}
			if failed := fixtures.ErrorOf(t, err); len(failed.Fields) != 1 || len(failed.Fields[tt.field]) != 1 {
				t.Errorf("fields are %v, want one for %s", failed.Fields, tt.field)
			}
		})
	}
}

func TestTicketsService_Get(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Title: "Support"})
	contact := srv.AddContact(trengotest.Contact{Name: "Ann Example", Email: "ann@example.com"})
	user := srv.AddUser(trengotest.User{FirstName: "Kim"})
	at := time.Date(2024, 2, 19, 15, 1, 25, 0, time.UTC)
	srv.AddTicket(trengotest.Ticket{
		ID: 4_000_000_001, ContactID: contact.ID, ChannelID: channel.ID, UserID: user.ID, Subject: "Order 12",
		CustomFields: map[string]string{"Order": "12"}, CreatedAt: at,
	})
	got, err := fixtures.NewClient(t, srv).Tickets.Get(t.Context(), 4_000_000_001)
	if err != nil {
		t.Fatal(err)
	}
	if request := testkit.LastRequest(t, srv); request != "GET /tickets/4000000001" {
		t.Errorf("request is %s", request)
	}
	if got.Contact.Name != "Ann Example" || got.Channel.Title != "Support" || got.Agent.ID != user.ID || got.Assignee.FirstName != "Kim" {
		t.Errorf("contact %+v, channel %+v, agent %+v, assignee %+v", got.Contact, got.Channel, got.Agent, got.Assignee)
	}
	if len(got.Audits) != 1 || got.Audits[0].AuditType != "TICKET_CREATED" || len(got.CustomFieldValues) != 1 {
		t.Errorf("audits %+v, custom fields %+v", got.Audits, got.CustomFieldValues)
	}
	known := trengo.Ticket{
		ID: got.ID, Status: got.Status, Subject: got.Subject, ContactID: got.ContactID, UserID: got.UserID,
		CreatedAt: got.CreatedAt, UpdatedAt: got.UpdatedAt, CustomData: got.CustomData,
	}
	want := trengo.Ticket{
		ID: 4_000_000_001, Status: trengo.TicketStatusAssigned, Subject: "Order 12", ContactID: contact.ID, UserID: user.ID,
		CreatedAt: "2024-02-19 16:01:25", UpdatedAt: "2024-02-19 16:01:25", CustomData: map[string]string{"Order": "12"},
	}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("ticket (-want +got):\n%s", diff)
	}
}

// addTicket adds ticket 7 to srv, a team that it can be assigned to, and a result
// that it can be closed with.
func addTicket(t *testing.T, srv *trengotest.Server, client *trengo.Client) (team, result int64) {
	t.Helper()
	in := fixtures.AddTicketParams(srv)
	srv.AddTicket(trengotest.Ticket{ID: 7, ContactID: in.ContactID, ChannelID: in.ChannelID})
	for path, id := range map[string]*int64{"/teams": &team, "/ticket_results": &result} {
		var created struct{ ID int64 }
		r := trengo.Request{Method: http.MethodPost, Path: path, Body: map[string]string{"name": "Sales"}}
		if err := client.Do(t.Context(), r, &created); err != nil {
			t.Fatal(err)
		}
		*id = created.ID
	}
	srv.ResetRequests()
	return team, result
}

func TestTicketsService_actions(t *testing.T) {
	srv := trengotest.New()
	client := fixtures.NewClient(t, srv)
	team, result := addTicket(t, srv, client)
	user := srv.AddUser(trengotest.User{ID: 3700}).ID
	if team != 346001 || result != 50001 {
		t.Fatalf("team %d, result %d", team, result)
	}
	tickets := client.Tickets
	tests := []struct {
		name    string
		call    func() error
		request string
		status  string // of the ticket after the call
		userID  int64
		teamID  int64
		notes   int
	}{
		{"assign to a user", func() error { return tickets.Assign(t.Context(), 7, trengo.TicketAssignParams{UserID: user}) }, `POST /tickets/7/assign {"type":"user","user_id":3700}`, "ASSIGNED", user, 0, 0},
		{"assign to a team", func() error { return tickets.Assign(t.Context(), 7, trengo.TicketAssignParams{TeamID: team}) }, `POST /tickets/7/assign {"type":"team","team_id":346001}`, "OPEN", 0, team, 0},
		{"assign with a note", func() error {
			return tickets.Assign(t.Context(), 7, trengo.TicketAssignParams{UserID: user, Note: "<Ann> & co"})
		}, `POST /tickets/7/assign {"type":"user","user_id":3700,"note":"<Ann> & co"}`, "ASSIGNED", user, team, 1},
		{"close", func() error { return tickets.Close(t.Context(), 7, trengo.TicketCloseParams{}) }, `POST /tickets/7/close {}`, "CLOSED", user, team, 1},
		{"close a closed ticket", func() error { return tickets.Close(t.Context(), 7, trengo.TicketCloseParams{}) }, `POST /tickets/7/close {}`, "CLOSED", user, team, 1},
		{"reopen", func() error { return tickets.Reopen(t.Context(), 7) }, `POST /tickets/7/reopen {}`, "ASSIGNED", user, team, 1},
		{"close with a result", func() error { return tickets.Close(t.Context(), 7, trengo.TicketCloseParams{ResultID: result}) }, `POST /tickets/7/close {"ticket_result_id":50001}`, "CLOSED", user, team, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.request, testkit.LastRequest(t, srv)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			got := srv.Tickets()[0]
			if got.Status != tt.status || got.UserID != tt.userID || got.TeamID != tt.teamID || got.MessageCount != tt.notes {
				t.Errorf("ticket is %+v", got)
			}
		})
	}
}

// Actions are retried, except those that add a note.
func TestTicketsService_actions_retried(t *testing.T) {
	assign := func(note string) func(context.Context, *trengo.TicketsService) error {
		return func(ctx context.Context, s *trengo.TicketsService) error {
			return s.Assign(ctx, 7, trengo.TicketAssignParams{UserID: 3601, Note: note})
		}
	}
	tests := []struct {
		name     string
		call     func(context.Context, *trengo.TicketsService) error
		requests int
		notes    int
		unknown  bool
	}{
		{"close", func(ctx context.Context, s *trengo.TicketsService) error {
			return s.Close(ctx, 7, trengo.TicketCloseParams{})
		}, 2, 0, false},
		{"reopen", func(ctx context.Context, s *trengo.TicketsService) error { return s.Reopen(ctx, 7) }, 2, 0, false},
		{"assign without a note", assign(""), 2, 0, false},
		{"assign with a note", assign("Call back"), 1, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				client := fixtures.NewClient(t, srv)
				addTicket(t, srv, client)
				srv.Inject(trengotest.LostAfter())
				err := tt.call(t.Context(), client.Tickets)
				if errors.Is(err, trengo.ErrOutcomeUnknown) != tt.unknown || (err == nil) == tt.unknown {
					t.Errorf("error is %v, unknown outcome wanted: %t", err, tt.unknown)
				}
				if len(srv.Requests()) != tt.requests || srv.Tickets()[0].MessageCount != tt.notes {
					t.Errorf("%d requests added %d notes, want %d and %d", len(srv.Requests()), srv.Tickets()[0].MessageCount, tt.requests, tt.notes)
				}
			})
		})
	}
}

// Trengo's documentation does not describe the response to an action.
func TestTicketsService_actions_anyResponse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "[]", "{}", "null", `"OK"`, `{"id":"7"}`} {
		client := fixtures.NewClient(t, testkit.Respond(http.StatusOK, body))
		if err := client.Tickets.Close(t.Context(), 7, trengo.TicketCloseParams{}); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// A ticket is assigned to either a user or a team.
func TestTicketsService_Assign_invalid(t *testing.T) {
	t.Parallel()
	for _, in := range []trengo.TicketAssignParams{{}, {Note: "Call back"}, {UserID: 1, TeamID: 2}} {
		srv := trengotest.New()
		err := fixtures.NewClient(t, srv).Tickets.Assign(t.Context(), 7, in)
		want := "trengo: POST /tickets/7/assign: invalid request: a ticket is assigned to either a user or a team"
		if diff := cmp.Diff(want, fixtures.ErrorOf(t, err).Error()); diff != "" {
			t.Errorf("%+v: error (-want +got):\n%s", in, diff)
		}
		if len(srv.Requests()) != 0 || trengo.Retryable(err) {
			t.Errorf("%+v: %d requests, retryable: %t", in, len(srv.Requests()), trengo.Retryable(err))
		}
	}
}

// A ticket whose stream the server resets after it has read all of it may exist.
func TestTicketsService_Create_streamIsReset(t *testing.T) {
	for _, tt := range []struct {
		name     string
		code     uint32
		requests int
		want     string
	}{
		{"PROTOCOL_ERROR", testkit.HTTP2ProtocolError, 1, "trengo: POST /tickets: HTTP/2 error PROTOCOL_ERROR; outcome unknown"},
		{"INTERNAL_ERROR", testkit.HTTP2InternalError, 1, "trengo: POST /tickets: HTTP/2 error INTERNAL_ERROR; outcome unknown"},
		{"REFUSED_STREAM", testkit.HTTP2RefusedStream, 5, "trengo: POST /tickets: HTTP/2 error REFUSED_STREAM; 5 attempts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) { s.Reset(tt.code) }}
				client := fixtures.NewClient(t, server.Transport(t), trengo.WithBaseURL("http://127.0.0.1"))
				_, err := client.Tickets.Create(t.Context(), trengo.TicketCreateParams{ContactID: 1, ChannelID: 2})
				if fmt.Sprint(err) != tt.want || server.Requests() != tt.requests {
					t.Errorf("%d requests and %v, want %d and %s", server.Requests(), err, tt.requests, tt.want)
				}
			})
		})
	}
}
