package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
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

// A method without a row in fixtures.Methods would not be tested.
func TestServices_areComplete(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, m := range fixtures.Methods() {
		name, _, _ := strings.Cut(m.Name, " ")
		rows = append(rows, name)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[trengo.Client]()) {
		if !field.IsExported() {
			continue
		}
		for i := range field.Type.NumMethod() {
			if name := field.Type.Elem().Name() + "." + field.Type.Method(i).Name; !slices.Contains(rows, name) {
				t.Errorf("%s does not have a row in fixtures.Methods", name)
			}
		}
	}
}

// Every method sends one request, and returns the error of its response.
func TestServices_error(t *testing.T) {
	t.Parallel()
	for _, m := range fixtures.Methods() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
				return trengotest.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found.","id":5,"data":[{"id":5}]}`)
			})
			var seen []trengo.Attempt
			client := fixtures.NewClient(t, srv, trengo.WithObserver(func(_ context.Context, a trengo.Attempt) { seen = append(seen, a) }))
			result, err := m.Call(t.Context(), client)
			if result || !errors.Is(err, trengo.ErrNotFound) {
				t.Errorf("result: %t, error %v; want only ErrNotFound", result, err)
			}
			if diff := cmp.Diff([]string{m.Request}, testkit.MethodsAndPaths(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			verb, path, _ := strings.Cut(m.Request, " ")
			if failed := fixtures.ErrorOf(t, err); failed.Method != verb || failed.Path != path || failed.Message != "Not Found." || failed.Attempts != 1 {
				t.Errorf("error is %+v", *failed)
			}
			want := []trengo.Attempt{{Method: verb, Route: m.Route, StatusCode: http.StatusNotFound, Number: 1, Class: trengo.AttemptClassRefused}}
			for i := range seen {
				seen[i].Waited, seen[i].Elapsed = 0, 0
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("attempts (-want +got):\n%s", diff)
			}
		})
	}
}

// With a context that has ended no method sends a request.
func TestServices_contextHasEnded(t *testing.T) {
	t.Parallel()
	for _, m := range fixtures.Methods() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			result, err := m.Call(ctx, fixtures.NewClient(t, srv))
			if result || !errors.Is(err, context.Canceled) || errors.Is(err, trengo.ErrOutcomeUnknown) {
				t.Errorf("result: %t, error %v; want only a canceled context", result, err)
			}
			if fixtures.ErrorOf(t, err).Attempts != 0 || len(srv.Requests()) != 0 {
				t.Errorf("%v, %d requests; want none", err, len(srv.Requests()))
			}
		})
	}
}

// A retry starts with an empty result: nothing remains of an unusable response.
func TestContactsService_Get_retryStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := []string{`{"name":"Old","channels":[{"id":1}]}`, `{"id":5}`}
		client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			body := bodies[0]
			bodies = bodies[1:]
			return testkit.Respond(http.StatusOK, body)(r)
		}))
		got, err := client.Contacts.Get(t.Context(), 5)
		if diff := cmp.Diff(&trengo.Contact{ID: 5}, got); err != nil || diff != "" {
			t.Errorf("%v, contact (-want +got):\n%s", err, diff)
		}
	})
}

// A response without an ID is an error, whatever the method.
func TestServices_responseWithoutID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ContactsService.Get", "ContactsService.Create", "ContactsService.Update", "TicketsService.Get", "TicketsService.Create"} {
		for _, body := range []string{`{}`, `[]`, `null`, `{"id":null}`, `{"id":0}`, `{"id":"5"}`, `{"data":{"id":5}}`, `"Ann"`} {
			client := fixtures.NewClient(t, testkit.Respond(http.StatusOK, body), trengo.WithMaxRetries(0))
			for _, m := range fixtures.Methods() {
				if m.Name != name {
					continue
				}
				result, err := m.Call(t.Context(), client)
				if result || err == nil || !strings.Contains(err.Error(), "200 OK: a response without an ID") {
					t.Errorf("%s: %s: result: %t, error %v", name, body, result, err)
				}
			}
		}
	}
}

// Every call of a zero Client, or of a service without a client, is an error.
func TestServices_zeroClient(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*trengo.Client{
		"a zero Client":             {},
		"services without a client": {Contacts: new(trengo.ContactsService), Tickets: new(trengo.TicketsService)},
		"a nil *Client":             nil,
	} {
		for _, m := range fixtures.Methods() {
			if client == nil {
				break // without services
			}
			result, err := m.Call(t.Context(), client)
			if failed := fixtures.ErrorOf(t, err); result || failed.Attempts != 0 || trengo.Retryable(err) {
				t.Errorf("%s: %s: result: %t, error %v", name, m.Name, result, err)
			}
			if !strings.HasSuffix(err.Error(), "the Client was not made by NewClient") {
				t.Errorf("%s: %s: error %v", name, m.Name, err)
			}
		}
		err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
		want := "trengo: GET /labels: invalid request: the Client was not made by NewClient"
		if diff := cmp.Diff(want, testkit.ErrorText(err)); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", name, diff)
		}
		if got := client.RateLimit(); got != (trengo.RateLimit{}) {
			t.Errorf("%s: rate limit %+v", name, got)
		}
	}
}

// An ID below 1 is an error before anything is sent.
func TestServices_invalidID(t *testing.T) {
	t.Parallel()
	const invalid = "invalid request: "
	tests := []struct {
		name string
		call func(ctx context.Context, c *trengo.Client, id int64) error
		says string
	}{
		{"ContactsService.Get", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Contacts.Get(ctx, id)
			return err
		}, "an ID in the path is below 1"},
		{"ContactsService.Create", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: id, Identifier: "ann@example.com"})
			return err
		}, "ChannelID is below 1"},
		{"ContactsService.Update", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Contacts.Update(ctx, id, trengo.ContactUpdateParams{Name: "Ann"})
			return err
		}, "an ID in the path is below 1"},
		{"ContactsService.Update with a group", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Contacts.Update(ctx, 5, trengo.ContactUpdateParams{ContactGroupIDs: []int64{1, id}})
			return err
		}, "ContactGroupIDs is below 1"},
		{"ContactsService.Delete", func(ctx context.Context, c *trengo.Client, id int64) error {
			return c.Contacts.Delete(ctx, id)
		}, "an ID in the path is below 1"},
		{"TicketsService.List with a label", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := testkit.Collect(c.Tickets.List(ctx, trengo.TicketListOptions{LabelIDs: []int64{id}}))
			return err
		}, "LabelIDs is below 1"},
		{"TicketsService.Get", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Tickets.Get(ctx, id)
			return err
		}, "an ID in the path is below 1"},
		{"TicketsService.Create for a contact", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Tickets.Create(ctx, trengo.TicketCreateParams{ContactID: id, ChannelID: 5})
			return err
		}, "ContactID is below 1"},
		{"TicketsService.Create on a channel", func(ctx context.Context, c *trengo.Client, id int64) error {
			_, err := c.Tickets.Create(ctx, trengo.TicketCreateParams{ContactID: 5, ChannelID: id})
			return err
		}, "ChannelID is below 1"},
		{"TicketsService.Close", func(ctx context.Context, c *trengo.Client, id int64) error {
			return c.Tickets.Close(ctx, id, trengo.TicketCloseParams{})
		}, "an ID in the path is below 1"},
		{"TicketsService.Reopen", func(ctx context.Context, c *trengo.Client, id int64) error {
			return c.Tickets.Reopen(ctx, id)
		}, "an ID in the path is below 1"},
		{"TicketsService.Assign", func(ctx context.Context, c *trengo.Client, id int64) error {
			return c.Tickets.Assign(ctx, id, trengo.TicketAssignParams{UserID: 5})
		}, "an ID in the path is below 1"},
		{"Client.Do", func(ctx context.Context, c *trengo.Client, id int64) error {
			return c.Do(ctx, trengo.Request{Path: "/labels/" + strconv.FormatInt(id, 10)}, nil)
		}, "an ID in the path is below 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t)
			for _, id := range []int64{0, -5} {
				err := tt.call(t.Context(), f.NewClient(), id)
				if failed := fixtures.ErrorOf(t, err); failed.Attempts != 0 || trengo.Retryable(err) {
					t.Errorf("%d: error %+v, want a permanent one without an attempt", id, *failed)
				}
				if !strings.HasSuffix(err.Error(), invalid+tt.says) {
					t.Errorf("%d: error %v, want %q", id, err, invalid+tt.says)
				}
			}
			if lines := f.RequestLines(); lines != nil {
				t.Errorf("requests %q", lines)
			}
		})
	}
}

func TestFlag(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]trengo.Flag{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true,
		`false`: false, `0`: false, `"0"`: false, `"false"`: false,
		`null`: false, `""`: false, `[]`: false, `{}`: false, `2`: false, `"yes"`: false, `"11"`: false, `-1`: false,
	} {
		got := struct{ F trengo.Flag }{F: !want}
		if err := json.Unmarshal([]byte(`{"F":`+value+`}`), &got); err != nil || got.F != want {
			t.Errorf("%s is %t, %v; want %t", value, got.F, err, want)
		}
	}
}

// Trengo writes the days of a channel's window as a number or as text.
func TestChannel_timeWindowDays(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{
		`30`: 30, `"30"`: 30, `0`: 0, `"0"`: 0, `-5`: -5, `"-5"`: -5, `4000000001`: 4_000_000_001, `99999999999999999999`: 0,
		`null`: 0, `""`: 0, `[]`: 0, `{}`: 0, `true`: 0, `"many"`: 0, `30.5`: 0, `"30 days"`: 0,
	} {
		got := trengo.Channel{ReopenClosedTicketTimeWindowDays: 99}
		err := json.Unmarshal([]byte(`{"id":5,"reopen_closed_ticket_time_window_days":`+value+`}`), &got)
		if err != nil || got.ID != 5 || got.ReopenClosedTicketTimeWindowDays != want {
			t.Errorf("%s is %d, %v; want %d", value, got.ReopenClosedTicketTimeWindowDays, err, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	// Amsterdam in winter, even where zone data is missing.
	zone := time.FixedZone("CET", 60*60)
	tests := []struct {
		in   trengo.Timestamp
		want time.Time
	}{
		{"", time.Time{}},
		{"2021-12-08 13:23:26", time.Date(2021, 12, 8, 12, 23, 26, 0, time.UTC)},
		{"2021-12-08T12:23:26.000000Z", time.Date(2021, 12, 8, 12, 23, 26, 0, time.UTC)},
		{"2021-12-08T12:23:26.120000Z", time.Date(2021, 12, 8, 12, 23, 26, 120_000_000, time.UTC)},
		{"2021-12-08T12:23:26+00:00", time.Date(2021, 12, 8, 12, 23, 26, 0, time.UTC)},
		{"2021-12-08T12:23:26+02:00", time.Date(2021, 12, 8, 10, 23, 26, 0, time.UTC)},
	}
	for _, tt := range tests {
		if got, err := tt.in.Time(zone); err != nil || !got.Equal(tt.want) || got.IsZero() != tt.want.IsZero() {
			t.Errorf("%q is %s, %v; want %s", tt.in, got, err, tt.want)
		}
	}
	if got, err := trengo.Timestamp("2021-12-08 13:23:26").Time(nil); err != nil || !got.Equal(time.Date(2021, 12, 8, 13, 23, 26, 0, time.UTC)) {
		t.Errorf("without a zone: %s, %v; want UTC", got, err)
	}
	for _, in := range []trengo.Timestamp{"yesterday", "2021-12-08", "1638966206", "0000-00-00 00:00:00", "2021-13-08 13:23:26"} {
		got, err := in.Time(zone)
		if err == nil || !got.IsZero() {
			t.Errorf("%q is %s, want an error", in, got)
		} else if want := "trengo: a timestamp in an unknown format"; err.Error() != want {
			t.Errorf("%q: error %q, want %q", in, err, want)
		}
	}
}

// These bodies have every field that was recorded. None is empty.
const (
	recordedChannel = `{"id":406001,"name":"Sms","title":"sms","phone":"+31600000009","type":"SMS","auto_reply":"ENABLED","color":"#fff",
		"notification_email":"desk@example.com","business_hour_id":125001,"notification_sound":"chat.mp3","status":"ACTIVE",
		"display_name":"sms • SMS","text":"sms • SMS","show_ticket_fields":1,"show_contact_fields":"1",
		"users":[{"id":3610}],"username":"desk","password_is_null":true,"reopen_closed_ticket":1,
		"is_private":"true","reassign_reopened_ticket":true,"reopen_closed_ticket_time_window_days":"30",
		"emailChannel":{"channel_id":406001,"type":"EMAIL","email_theme_id":5,"sender_email":"desk@example.com","sender_email_id":6,
		"sender_name":"Desk","sender_name_personal":1,"signature":"<p>{{name}}</p>","auto_reply_body":"Thanks","auto_reply_enabled":true,
		"auto_reply_subject":"Re","branding":1,"branding_service_name":"Trengo","split_by_subject":1,"split_by_sender":true,
		"embed_attachments":1,"prepend_ticket_number_to_subject":1,"add_conversation_to_reply":true,"spam_setting":"on",
		"font_family":"Arial","meta":{"a":1},"created_at":"2021-12-06 12:09:14","updated_at":"2021-12-06 12:09:45"}}`

	recordedContact = `{"id":460000001,"name":"Ann Example","full_name":"Ann Example","email":"ann@example.com",
		"abbr":"A","color":"#ff5722","profile_image":"https://example.com/a.png","is_phone":true,
		"phone":"+31600000001","formatted_phone":"+31 6 00000001","avatar":"https://example.com/default.png",
		"identifier":"+31 6 00000001","custom_field_data":{"Customer number":"12"},"profile":[{"id":1}],"channels":[` + recordedChannel + `],
		"pivot":{"type":"a"},"notes":[{"id":88000001,"body":"Call back","user":{"id":3610},"created_at":"2021-12-06 12:09:14"}],"groups":[{"id":2}],
		"formatted_custom_field_data":{"Customer number":"12","Policy":"7"},
		"display_name":"Ann Example (+31 6 00000001)","is_private":true,
		"custom_field_values":[{"custom_field_id":600001,"field_name":"Customer number","value":"12"}]}`

	recordedUser = `{"id":3610,"agency_id":9,"first_name":"Robin","last_name":"Example","name":"Robin Example","full_name":"Robin Example",
		"email":"robin@example.com","abbr":"R","phone":"+31600000008","color":"#fff","locale_code":"nl-NL","status":"ACTIVE","text":"Robin Example",
		"is_online":1,"user_status":"ONLINE","chat_status":"1","voip_status":"OFFLINE","voip_device":"WEB",
		"profile_image":"https://example.com/r.png","authorization":"OWNER","role":{"id":1,"name":"administrator"},"is_primary":1,
		"timezone":"Europe/Amsterdam","created_at":"2021-12-06 12:09:14","two_factor_authentication_enabled":true,"rate_limit":1200}`

	recordedTicket = `{"id":245000001,"status":"ASSIGNED","subject":"Order 12","closed_at":"2021-12-07 12:09:14",
		"created_at":"2021-12-06 12:09:14","updated_at":"2021-12-06 12:09:45","user_id":3610,"team_id":346001,
		"assigned_at":"2021-12-06T12:09:26.000000Z","assigned_by":3611,"agency_id":9,"channel_id":406001,
		"contact_id":163000001,"contact":` + recordedContact + `,"channel":` + recordedChannel + `,"channelMeta":{"a":1},
		"latest_message":{"id":1074000001,"type":"INBOUND","message":"Inbound call","created_at":"2021-12-06 12:09:45","attachments":[{"id":1}]},
		"labels":[{"id":1700001,"name":"Urgent","slug":"urgent","color":"#5D9CEC","sort_order":3,"archived":"2021-12-06 12:09:14"}],
		"custom_data":{"Order":"12"},"messages_count":1,
		"latest_message_at":"2021-12-06 12:09:45","latest_received_message_at":"2021-12-06 12:09:46","ai_assigned_at":"2021-12-06 12:09:47",
		"team":{"id":346001,"name":"Maintenance"},"agent":` + recordedUser + `,"assignee":` + recordedUser + `,"closed_by":3612,
		"results":[{"id":1}],"reminder":{"id":2},"watchers":[{"id":3}],"starred":[{"id":4}],"attachments":[{"id":5}],
		"messaging_attachments":[{"id":6}],"related_tickets":[{"id":7}],
		"custom_field_values":[{"custom_field_id":600002,"field_name":"Order","value":"12"}],
		"audits":[{"id":2732597064,"type":"AUDIT","audit_type":"TICKET_CREATED","body_type":"TEXT","message":"Created","created_at":"2021-12-06 12:09:14"}]}`
)

// decoders decode a response the way a caller gets it.
var decoders = map[string]func(context.Context, *trengo.Client) (any, error){
	"ContactsService.Get": func(ctx context.Context, c *trengo.Client) (any, error) { return c.Contacts.Get(ctx, 1) },
	"ContactsService.Update": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Contacts.Update(ctx, 1, trengo.ContactUpdateParams{})
	},
	"ContactsService.Create": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: 1})
	},
	"TicketsService.Get": func(ctx context.Context, c *trengo.Client) (any, error) { return c.Tickets.Get(ctx, 1) },
	"TicketsService.Create": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Tickets.Create(ctx, trengo.TicketCreateParams{ContactID: 1, ChannelID: 1})
	},
	"Channel": func(ctx context.Context, c *trengo.Client) (any, error) { return doInto(ctx, c, new(trengo.Channel)) },
	"User":    func(ctx context.Context, c *trengo.Client) (any, error) { return doInto(ctx, c, new(trengo.User)) },
}

func doInto(ctx context.Context, c *trengo.Client, out any) (any, error) {
	return out, c.Do(ctx, trengo.Request{Path: "/labels"}, out)
}

// decodeAndEncode decodes a response body and encodes the result again.
func decodeAndEncode(t *testing.T, decoder, body string) map[string]any {
	t.Helper()
	got, err := decoders[decoder](t.Context(), fixtures.NewClient(t, testkit.Respond(http.StatusOK, body), trengo.WithMaxRetries(0)))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	return parseJSON(t, string(encoded))
}

func parseJSON(t *testing.T, body string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing returns the paths of the values of recorded that got does not have.
func missing(path string, recorded, got any) []string {
	switch want := recorded.(type) {
	case map[string]any:
		fields, _ := got.(map[string]any)
		var all []string
		for name, value := range want {
			all = append(all, missing(path+"."+name, value, fields[name])...)
		}
		return all
	case []any:
		items, _ := got.([]any)
		if len(items) != len(want) {
			return []string{path}
		}
		var all []string
		for i, value := range want {
			all = append(all, missing(fmt.Sprintf("%s.%d", path, i), value, items[i])...)
		}
		return all
	}
	// A decoded flag or number may be encoded in another way.
	_, isFlag := got.(bool)
	if got == recorded || isFlag && got == true || fmt.Sprint(got) == fmt.Sprint(recorded) {
		return nil
	}
	return []string{path}
}

func TestRecordedBodies(t *testing.T) {
	t.Parallel()
	for decoder, body := range map[string]string{
		"ContactsService.Get": recordedContact, "ContactsService.Update": recordedContact, "ContactsService.Create": recordedContact,
		"TicketsService.Get": recordedTicket, "TicketsService.Create": recordedTicket,
		"Channel": recordedChannel, "User": recordedUser,
	} {
		t.Run(decoder, func(t *testing.T) {
			t.Parallel()
			if lost := missing("", parseJSON(t, body), decodeAndEncode(t, decoder, body)); len(lost) > 0 {
				t.Errorf("not decoded: %v", lost)
			}
		})
	}
}

// The type of a field at Trengo differs between endpoints and changes over time.
// Whatever the type of one field, the ID and all other fields are decoded.
func TestRecordedBodies_otherTypes(t *testing.T) {
	t.Parallel()
	for decoder, body := range map[string]string{"ContactsService.Get": recordedContact, "TicketsService.Get": recordedTicket} {
		for name := range parseJSON(t, body) {
			if name == "id" {
				continue
			}
			t.Run(decoder+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, other := range []string{`null`, `[]`, `{}`, `[[]]`, `[null]`, `["text"]`, `{"id":[]}`, `{"name":5}`, `0`, `1.5`, `"1"`, `"text"`, `true`} {
					recorded := parseJSON(t, body)
					recorded[name] = json.RawMessage(other)
					recorded["unknown"] = map[string]any{"id": "x"}
					changed, err := json.Marshal(recorded)
					if err != nil {
						t.Fatal(err)
					}
					delete(recorded, name)
					delete(recorded, "unknown")
					if lost := missing("", recorded, decodeAndEncode(t, decoder, string(changed))); len(lost) > 0 {
						t.Errorf("with %s, not decoded: %v", other, lost)
					}
				}
			})
		}
	}
}

// Fields that are null or [] are empty.
func TestRecordedBodies_empty(t *testing.T) {
	t.Parallel()
	contact := decodeAndEncode(t, "ContactsService.Create", `{"id":5,"name":null,"email":null,"phone":null,"is_phone":null,"is_private":0,
		"custom_field_data":null,"formatted_custom_field_data":[],"custom_field_values":null,"pivot":null,"profile_image":null}`)
	for _, name := range []string{"name", "email", "phone", "profile_image"} {
		if contact[name] != "" {
			t.Errorf("%s is %v, want it empty", name, contact[name])
		}
	}
	if contact["is_phone"] != false || contact["is_private"] != false {
		t.Errorf("the contact has flags: %v", contact)
	}
	partly := decodeAndEncode(t, "ContactsService.Get", `{"id":5,"formatted_custom_field_data":{"Policy":null,"Customer number":"12"}}`)
	if diff := cmp.Diff(map[string]any{"Policy": "", "Customer number": "12"}, partly["formatted_custom_field_data"]); diff != "" {
		t.Errorf("custom fields (-want +got):\n%s", diff)
	}
	client := fixtures.NewClient(t, testkit.Respond(http.StatusOK, `{"id":5,"latest_message":null,"contact":null,"channel":null,"agent":null,"team":null,"messages_count":null}`))
	ticket, err := client.Tickets.Get(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&trengo.Ticket{ID: 5}, ticket, cmp.Transformer("text", func(m json.RawMessage) string { return string(m) })); diff != "" {
		t.Errorf("ticket (-want +got):\n%s", diff)
	}
}

// A nil pointer to a Params value is sent as null, and an invalid one inside another
// body is rejected.
func TestClient_Do_paramsAsBody(t *testing.T) {
	t.Parallel()
	srv := fixtures.New(t)
	client := srv.NewClient()
	do := func(body any) error {
		return client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: body}, nil)
	}
	if err := do((*trengo.TicketCreateParams)(nil)); !errors.Is(err, trengo.ErrUnprocessable) {
		t.Errorf("nil pointer: error %v", err)
	}
	requests := len(srv.Requests())
	for name, body := range map[string]any{
		"a value":         trengo.TicketCreateParams{},
		"a pointer":       &trengo.TicketCreateParams{},
		"in another body": map[string]any{"assign": trengo.TicketAssignParams{}},
	} {
		if err := do(body); err == nil || trengo.Retryable(err) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if got := len(srv.Requests()); got != requests {
		t.Errorf("%d requests of invalid bodies", got-requests)
	}
}
