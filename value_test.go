package trengo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

func TestFlag(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]trengo.Flag{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true,
		`false`: false, `0`: false, `"0"`: false, `"false"`: false,
		`null`: false, `""`: false, `[]`: false, `{}`: false, `2`: false, `"yes"`: false, `"11"`: false, `-1`: false,
	} {
		got := struct{ F trengo.Flag }{F: !want}
		if err := json.Unmarshal([]byte(`{"F":`+value+`}`), &got); err != nil || got.F != want {
			t.Errorf("%s gives %t, %v; want %t", value, got.F, err, want)
		}
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]trengo.Int{
		`30`: 30, `"30"`: 30, `0`: 0, `"0"`: 0, `-5`: -5, `"-5"`: -5, `4000000001`: 4_000_000_001, `99999999999999999999`: 0,
		`null`: 0, `""`: 0, `[]`: 0, `{}`: 0, `true`: 0, `"many"`: 0, `30.5`: 0, `"30 days"`: 0,
	} {
		got := struct{ N trengo.Int }{N: 99}
		if err := json.Unmarshal([]byte(`{"N":`+value+`}`), &got); err != nil || got.N != want {
			t.Errorf("%s gives %d, %v; want %d", value, got.N, err, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	// Amsterdam in winter, on machines that have no zones, too.
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
		t.Errorf("without a zone to read it in: %s, %v; want UTC", got, err)
	}
	for _, in := range []trengo.Timestamp{"yesterday", "2021-12-08", "1638966206", "0000-00-00 00:00:00", "2021-13-08 13:23:26"} {
		got, err := in.Time(zone)
		if err == nil || !got.IsZero() {
			t.Errorf("%q is %s, want an error", in, got)
		} else if want := "a timestamp of an unknown form"; err.Error() != want {
			t.Errorf("%q: error %q, want %q", in, err, want)
		}
	}
}

// The bodies hold every field that has been recorded, none of them empty.
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

// decoders reads an answer the way a user gets it.
var decoders = map[string]func(context.Context, *trengo.Client) (any, error){
	"ContactsService.Get": func(ctx context.Context, c *trengo.Client) (any, error) { return c.Contacts.Get(ctx, 1) },
	"ContactsService.Update": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Contacts.Update(ctx, 1, trengo.ContactUpdateParams{})
	},
	"ContactsService.Create": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Contacts.Create(ctx, trengo.ContactCreateParams{})
	},
	"TicketsService.Get": func(ctx context.Context, c *trengo.Client) (any, error) { return c.Tickets.Get(ctx, 1) },
	"TicketsService.Create": func(ctx context.Context, c *trengo.Client) (any, error) {
		return c.Tickets.Create(ctx, trengo.TicketCreateParams{})
	},
	"Channel": func(ctx context.Context, c *trengo.Client) (any, error) { return doInto(ctx, c, new(trengo.Channel)) },
	"User":    func(ctx context.Context, c *trengo.Client) (any, error) { return doInto(ctx, c, new(trengo.User)) },
}

func doInto(ctx context.Context, c *trengo.Client, out any) (any, error) {
	return out, c.Do(ctx, trengo.Request{Path: "/labels"}, out)
}

// fromServer decodes body and returns the result as JSON would have it.
func fromServer(t *testing.T, decoder, body string) map[string]any {
	t.Helper()
	got, err := decoders[decoder](t.Context(), newClientOn(t, respond(http.StatusOK, body), trengo.WithMaxRetries(0)))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(encoded))
}

func parse(t *testing.T, body string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing lists what recorded has and got has not, or has otherwise.
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
	// A flag and a number have one spelling once they are decoded.
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
			if lost := missing("", parse(t, body), fromServer(t, decoder, body)); len(lost) > 0 {
				t.Errorf("not decoded: %v", lost)
			}
		})
	}
}

// Trengo's fields change their types with the year and the verb. Whichever
// field drifts, the id and all other fields must survive.
func TestRecordedBodies_drift(t *testing.T) {
	t.Parallel()
	for decoder, body := range map[string]string{"ContactsService.Get": recordedContact, "TicketsService.Get": recordedTicket} {
		for name := range parse(t, body) {
			if name == "id" {
				continue
			}
			t.Run(decoder+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, drift := range []string{`null`, `[]`, `{}`, `[[]]`, `[null]`, `["text"]`, `{"id":[]}`, `{"name":5}`, `0`, `1.5`, `"1"`, `"text"`, `true`} {
					recorded := parse(t, body)
					recorded[name] = json.RawMessage(drift)
					recorded["unknown"] = map[string]any{"id": "x"}
					drifted, err := json.Marshal(recorded)
					if err != nil {
						t.Fatal(err)
					}
					delete(recorded, name)
					delete(recorded, "unknown")
					if lost := missing("", recorded, fromServer(t, decoder, string(drifted))); len(lost) > 0 {
						t.Errorf("with %s not decoded: %v", drift, lost)
					}
				}
			})
		}
	}
}

// What was recorded as null or [] is empty.
func TestRecordedBodies_empty(t *testing.T) {
	t.Parallel()
	contact := fromServer(t, "ContactsService.Create", `{"id":5,"name":null,"email":null,"phone":null,"is_phone":null,"is_private":0,
		"custom_field_data":null,"formatted_custom_field_data":[],"custom_field_values":null,"pivot":null,"profile_image":null}`)
	for _, name := range []string{"name", "email", "phone", "profile_image"} {
		if contact[name] != "" {
			t.Errorf("%s is %v, want nothing", name, contact[name])
		}
	}
	if contact["is_phone"] != false || contact["is_private"] != false {
		t.Errorf("the contact has flags: %v", contact)
	}
	partly := fromServer(t, "ContactsService.Get", `{"id":5,"formatted_custom_field_data":{"Policy":null,"Customer number":"12"}}`)
	if diff := cmp.Diff(map[string]any{"Policy": "", "Customer number": "12"}, partly["formatted_custom_field_data"]); diff != "" {
		t.Errorf("custom fields (-want +got):\n%s", diff)
	}
	client := newClientOn(t, respond(http.StatusOK, `{"id":5,"latest_message":null,"contact":null,"channel":null,"agent":null,"team":null,"messages_count":null}`))
	ticket, err := client.Tickets.Get(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&trengo.Ticket{ID: 5}, ticket, cmp.Transformer("text", func(m json.RawMessage) string { return string(m) })); diff != "" {
		t.Errorf("ticket (-want +got):\n%s", diff)
	}
}
