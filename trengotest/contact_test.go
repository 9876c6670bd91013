package trengotest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_createContact(t *testing.T) {
	t.Parallel()
	const email, phone = "/channels/406001/contacts", "/channels/406002/contacts"
	newAPI(t, newServer()).run(t, []step{
		{
			name: "a new contact", method: "POST", path: email, body: fields("identifier", "ann@example.com", "name", "Ann Example", "channel_id", firstChannel),
			want: map[string]string{
				"id": "460000001", "name": "Ann Example", "full_name": "Ann Example", "email": "ann@example.com", "phone": "<nil>",
				"identifier": "ann@example.com", "display_name": "Ann Example (ann@example.com)", "abbr": "A", "is_phone": "false", "formatted_phone": "",
			},
		},
		{
			name: "the same email in another case returns the contact with its name", method: "POST", path: email,
			body: fields("identifier", "ANN@example.com", "name", "Other"),
			want: map[string]string{"id": "460000001", "name": "Ann Example"},
		},
		{
			name: "a phone number without + gets one", method: "POST", path: phone, body: fields("identifier", "31600000001"),
			want: map[string]string{
				"id": "460000002", "name": "<nil>", "full_name": "<nil>", "email": "<nil>", "phone": "+31600000001", "is_phone": "true",
				"formatted_phone": "+31 6 00000001", "identifier": "+31 6 00000001", "display_name": "+31 6 00000001",
			},
		},
		{
			name: "the stored phone number returns the contact", method: "POST", path: phone, body: fields("identifier", "+31600000001"),
			want: map[string]string{"id": "460000002"},
		},
		{
			name: "another format creates a contact", method: "POST", path: phone, body: fields("identifier", "+31 600000001"),
			want: map[string]string{"id": "460000003", "phone": "+31 600000001"},
		},
		{
			name: "a number that is not international", method: "POST", path: phone, body: fields("identifier", "0600000001"),
			want: map[string]string{"phone": "+0600000001", "formatted_phone": "++0600000001", "identifier": "++0600000001"},
		},
		{
			name: "a number formatted with dashes", method: "POST", path: phone, body: fields("identifier", "972500000001"),
			want: map[string]string{"phone": "+972500000001", "identifier": "+972 50-000-0001"},
		},
		{name: "unknown channel", method: "POST", path: "/channels/1/contacts", body: fields("identifier", "a@example.com"), status: 404},
		{
			name: "not an email", method: "POST", path: email, body: fields("identifier", "31600000001"), status: 422,
			want: map[string]string{"errors.identifier.0": "The identifier must be a valid email address."},
		},
		{
			name: "not a phone number", method: "POST", path: phone, body: fields("identifier", "ann@example.com"), status: 422,
			want: map[string]string{"errors.identifier.0": "The identifier must be a valid phone number."},
		},
	})
}

func TestServer_createContact_attachesChannel(t *testing.T) {
	t.Parallel()
	srv := newServer()
	second := srv.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Sales"})
	chat := srv.AddChannel(trengotest.Channel{Type: "CHAT"})
	a := newAPI(t, srv)
	for _, path := range []string{"/channels/406001/contacts", "/channels/406003/contacts", "/channels/406004/contacts", "/channels/406001/contacts"} {
		a.do("POST", path, fields("identifier", "ann@example.com"))
	}
	if got := srv.Contacts(); len(got) != 1 || !slices.Equal(got[0].ChannelIDs, []int64{firstChannel, second.ID, chat.ID}) {
		t.Errorf("got contacts %+v", got)
	}
	if got := a.do("POST", "/channels/406004/contacts", fields("identifier", "nobody")); got.status != 422 {
		t.Errorf("got status %d for an invalid identifier, want 422", got.status)
	}
}

func TestServer_createContact_private(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{Private: true})
	got := newAPI(t, srv).do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
	if got.at("is_private") != "true" || !srv.Contacts()[0].Private {
		t.Errorf("contact is not private: %s", got.body)
	}
}

func TestBehavior_contactCreate(t *testing.T) {
	t.Parallel()
	phone := func(identifier, name string) step {
		return step{method: "POST", path: "/channels/406002/contacts", body: fields("identifier", identifier, "name", name)}
	}
	tests := []struct {
		name     string
		behavior trengotest.Behavior
		second   string // sent after +31600000001
		contacts int
		status   [2]int
		wantName string
	}{
		{"default", trengotest.Behavior{}, "31600000001", 1, [2]int{200, 200}, "Ann"},
		{"digits match", trengotest.Behavior{PhoneMatch: trengotest.PhoneMatchDigits}, "+31 6-0000 0001", 1, [2]int{200, 200}, "Ann"},
		{"nothing matches", trengotest.Behavior{PhoneMatch: trengotest.PhoneMatchNever}, "+31600000001", 2, [2]int{200, 200}, "Ann"},
		{"name is overwritten", trengotest.Behavior{OverwriteName: true}, "+31600000001", 1, [2]int{200, 200}, "Ben"},
		{
			"different statuses",
			trengotest.Behavior{ContactCreatedStatus: 201, ContactFoundStatus: 202},
			"+31600000001", 1,
			[2]int{201, 202},
			"Ann",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			srv.Behavior = tt.behavior
			a := newAPI(t, srv)
			for i, st := range []step{phone("+31600000001", "Ann"), phone(tt.second, "Ben")} {
				if got := a.do(st.method, st.path, st.body); got.status != tt.status[i] {
					t.Errorf("create %d: status %d, want %d", i+1, got.status, tt.status[i])
				}
			}
			if got := srv.Contacts(); len(got) != tt.contacts || got[0].Name != tt.wantName {
				t.Errorf("got contacts %+v", got)
			}
		})
	}
}

func TestBehavior_RewritePhone(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior.RewritePhone = func(phone string) string { return strings.Replace(phone, "+549", "+54", 1) }
	a := newAPI(t, srv)
	for i, tt := range []struct{ channel, identifier, want string }{
		{"406002", "5491112345678", "+541112345678"},
		{"406002", "+5491112345678", "+541112345678"}, // the stored string is another one
		{"406002", "+541112345678", "+541112345678"},
		{"406001", "+549@example.com", ""},
	} {
		a.do("POST", "/channels/"+tt.channel+"/contacts", fields("identifier", tt.identifier))
		all := srv.Contacts()
		if last := all[len(all)-1]; last.Phone != tt.want || strings.Contains(tt.identifier, "@") != (last.Email == tt.identifier) {
			t.Errorf("create %d: %+v", i+1, last)
		}
	}
	if n := len(srv.Contacts()); n != 3 {
		t.Errorf("%d contacts, want 3", n)
	}
}

func TestServer_contactFields(t *testing.T) {
	t.Parallel()
	srv := newServer()
	a := newAPI(t, srv)
	base := []string{
		"abbr", "avatar", "color", "custom_field_data", "custom_field_values", "display_name", "email", "formatted_custom_field_data",
		"formatted_phone", "full_name", "id", "identifier", "is_phone", "is_private", "name", "phone", "pivot", "profile_image",
	}
	inList := slices.Sorted(slices.Values(append([]string{"channels", "profile"}, base...)))
	inFull := slices.Sorted(slices.Values(append([]string{"groups", "notes"}, inList...)))
	created := a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
	for _, tt := range []struct {
		name string
		got  []string
		want []string
	}{
		{"create", created.keys(t, ""), base},
		{"list", a.do("GET", "/contacts", nil).keys(t, "data.0"), inList},
		{"get", a.do("GET", contactPath, nil).keys(t, ""), inFull},
		{"update", a.do("PUT", contactPath, fields("name", "Ann")).keys(t, ""), inFull},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: got fields %v\nwant %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestServer_updateContact(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com", ChannelIDs: []int64{firstChannel}})
	newAPI(t, srv).run(t, []step{
		{
			name: "get", method: "GET", path: contactPath + "?include=notes",
			want: map[string]string{"notes": "[]", "groups": "[]", "channels.0.id": "406001"},
		},
		{name: "create a group", method: "POST", path: "/contact_groups", body: fields("name", "Friends"), want: map[string]string{"id": "30001"}},
		{
			name: "update only the group", method: "PUT", path: contactPath, body: fields("contact_group_ids", []int{30001}),
			want: map[string]string{"name": "Ann", "groups.0.name": "Friends"},
		},
		{
			name: "update only the name", method: "PUT", path: contactPath, body: fields("name", "Ann New"),
			want: map[string]string{"name": "Ann New", "full_name": "Ann New", "groups.0.name": "Friends"},
		},
		{
			name: "unknown group", method: "PUT", path: contactPath, body: fields("name", "Nope", "contact_group_ids", []int{5}), status: 422,
			want: map[string]string{"errors.contact_group_ids.0": "The selected contact group ids is invalid."},
		},
		{name: "groups are not a list", method: "PUT", path: contactPath, body: fields("contact_group_ids", "5"), status: 422},
		{name: "groups are not IDs", method: "PUT", path: contactPath, body: fields("contact_group_ids", []string{"x"}), status: 422},
		{
			name: "create a note", method: "POST", path: contactPath + "/notes", body: fields("note", "Called."),
			want: map[string]string{"id": "88000001", "body": "Called.", "note": "missing", "contact.id": "460000001", "user.id": "3601"},
		},
		{name: "create a note without text", method: "POST", path: contactPath + "/notes", status: 422},
		{
			name: "get with a note", method: "GET", path: contactPath,
			want: map[string]string{"name": "Ann New", "notes.0.body": "Called."},
		},
		{name: "delete the note", method: "DELETE", path: contactPath + "/notes/88000001"},
		{name: "delete the note again", method: "DELETE", path: contactPath + "/notes/88000001", status: 404},
		{name: "delete", method: "DELETE", path: contactPath},
		{name: "delete again", method: "DELETE", path: contactPath, status: 404},
		{name: "get after delete", method: "GET", path: contactPath, status: 404},
		{name: "update after delete", method: "PUT", path: contactPath, body: fields("name", "Ann"), status: 404},
		{name: "create a note after delete", method: "POST", path: contactPath + "/notes", body: fields("note", "x"), status: 404},
		{name: "delete a note after delete", method: "DELETE", path: contactPath + "/notes/1", status: 404},
		{name: "set a custom field after delete", method: "POST", path: contactPath + "/custom_fields", status: 404},
	})
}
