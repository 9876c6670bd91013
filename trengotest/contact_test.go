package trengotest_test

import (
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_search_rules30to35and42(t *testing.T) {
	t.Parallel()
	srv := desk()
	for i, c := range []trengotest.Contact{
		{Name: "Ann Example", Email: "ann@example.com"},
		{Name: "Ann Other", Phone: "+31600000001"},
		{Name: "Ben", Phone: "31600000002"},      // rule 42: without +
		{Name: "Cleo", Phone: "+31 6 000000-21"}, // formatted
		{Email: "ANN+shop@example.com"},
	} {
		c.CreatedAt = monday.Add(-time.Duration(i) * time.Minute)
		srv.AddContact(c)
	}
	a := newAPI(t, srv)
	for _, tt := range []struct {
		name, query string
		want        []string // names
	}{
		{"rule 30: no term", "", []string{"Ann Example", "Ann Other", "Ben", "Cleo", "<nil>"}},
		{"rule 30: an empty term", "term=", []string{"Ann Example", "Ann Other", "Ben", "Cleo", "<nil>"}},
		{"rule 30: part of a name", "term=xampl", []string{"Ann Example", "<nil>"}},
		{"rules 33, 34: any case, several hits", "term=ANN", []string{"Ann Example", "Ann Other", "<nil>"}},
		{"rule 30: an address", "term=ann@example.com", []string{"Ann Example"}},
		{"rule 34: nothing", "term=nobody", nil},
		{"rule 31: through formatting", "term=31600000021", []string{"Cleo"}},
		{"rule 31: another format", "term=" + url.QueryEscape("+31 (6) 0000 0001"), []string{"Ann Other"}},
		{"rule 32: without +", "term=31600000001", []string{"Ann Other"}},
		{"rule 32: the tail", "term=0000002", []string{"Ben", "Cleo"}},
		{"rule 42: with + though stored without", "term=%2B31600000002", []string{"Ben"}},
		{"rule 35: a raw + is a blank", "term=ann+shop", nil},
		{"rule 35: an escaped + is one", "term=ann%2Bshop", []string{"<nil>"}},
		{"channel_id is ignored", "term=ben&channel_id=1", []string{"Ben"}},
	} {
		got := a.do("GET", "/contacts?"+tt.query, nil)
		if names := got.all("name"); got.status != 200 || !slices.Equal(names, tt.want) {
			t.Errorf("%s: %d %v, want %v", tt.name, got.status, names, tt.want)
		}
	}
}

func TestServer_searchSwitches(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.Behavior = trengotest.Behavior{CaseSensitiveSearch: true, ContactChannelFilter: true}
	srv.AddContact(trengotest.Contact{Name: "Ann", ChannelIDs: []int64{firstChannel}})
	srv.AddContact(trengotest.Contact{Name: "ann"})
	a := newAPI(t, srv)
	if got := a.do("GET", "/contacts?term=ann", nil).all("id"); !slices.Equal(got, []string{"460000002"}) {
		t.Errorf("rule 33: found %v", got)
	}
	if got := a.do("GET", "/contacts?channel_id=406001", nil).all("id"); !slices.Equal(got, []string{"460000001"}) {
		t.Errorf("channel filter: found %v", got)
	}
}

func TestBehavior_SearchDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := desk()
		srv.Behavior.SearchDelay = time.Minute
		srv.AddContact(trengotest.Contact{Name: "Ann Seeded"})
		a := newAPI(t, srv)
		a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com", "name", "Ann New"))
		for _, tt := range []struct {
			path string
			want int
		}{{"/contacts?term=ann", 1}, {"/contacts", 2}} {
			if got := a.do("GET", tt.path, nil).all("id"); len(got) != tt.want {
				t.Errorf("at once: %s lists %v", tt.path, got)
			}
		}
		a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
		if got := len(srv.Contacts()); got != 2 {
			t.Errorf("a create did not find it: %d contacts", got)
		}
		time.Sleep(time.Minute)
		if got := a.do("GET", "/contacts?term=ann", nil).all("id"); len(got) != 2 {
			t.Errorf("after a minute: %v", got)
		}
	})
}

func TestServer_createContact_rules36to41(t *testing.T) {
	t.Parallel()
	const email, phone = "/channels/406001/contacts", "/channels/406002/contacts"
	newAPI(t, desk()).run(t, []step{
		{
			name: "a new one", method: "POST", path: email, body: fields("identifier", "ann@example.com", "name", "Ann Example", "channel_id", firstChannel),
			want: map[string]string{
				"id": "460000001", "name": "Ann Example", "full_name": "Ann Example", "email": "ann@example.com", "phone": "<nil>",
				"identifier": "ann@example.com", "display_name": "Ann Example (ann@example.com)", "abbr": "A", "is_phone": "false", "formatted_phone": "",
			},
		},
		{
			name: "rules 36, 37, 39: the same address in another case keeps its name", method: "POST", path: email,
			body: fields("identifier", "ANN@example.com", "name", "Other"),
			want: map[string]string{"id": "460000001", "name": "Ann Example"},
		},
		{
			name: "rule 40: digits get a +", method: "POST", path: phone, body: fields("identifier", "31600000001"),
			want: map[string]string{
				"id": "460000002", "name": "<nil>", "full_name": "<nil>", "email": "<nil>", "phone": "+31600000001", "is_phone": "true",
				"formatted_phone": "+31 6 00000001", "identifier": "+31 6 00000001", "display_name": "+31 6 00000001",
			},
		},
		{
			name: "rule 38: the stored string finds", method: "POST", path: phone, body: fields("identifier", "+31600000001"),
			want: map[string]string{"id": "460000002"},
		},
		{
			name: "rules 38, 40: another format does not", method: "POST", path: phone, body: fields("identifier", "+31 600000001"),
			want: map[string]string{"id": "460000003", "phone": "+31 600000001"},
		},
		{
			name: "rule 41: a number that is none", method: "POST", path: phone, body: fields("identifier", "0600000001"),
			want: map[string]string{"phone": "+0600000001", "formatted_phone": "++0600000001", "identifier": "++0600000001"},
		},
		{
			name: "rule 41: dashes elsewhere", method: "POST", path: phone, body: fields("identifier", "972500000001"),
			want: map[string]string{"phone": "+972500000001", "identifier": "+972 50-000-0001"},
		},
		{name: "no such channel", method: "POST", path: "/channels/1/contacts", body: fields("identifier", "a@example.com"), status: 404},
		{
			name: "no address", method: "POST", path: email, body: fields("identifier", "31600000001"), status: 422,
			want: map[string]string{"errors.identifier.0": "The identifier must be a valid email address."},
		},
		{
			name: "no phone", method: "POST", path: phone, body: fields("identifier", "ann@example.com"), status: 422,
			want: map[string]string{"errors.identifier.0": "The identifier must be a valid phone number."},
		},
	})
}

func TestServer_createContact_attachesChannel(t *testing.T) {
	t.Parallel()
	srv := desk()
	second := srv.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Sales"})
	chat := srv.AddChannel(trengotest.Channel{Type: "CHAT"})
	a := newAPI(t, srv)
	for _, path := range []string{"/channels/406001/contacts", "/channels/406003/contacts", "/channels/406004/contacts", "/channels/406001/contacts"} {
		a.do("POST", path, fields("identifier", "ann@example.com"))
	}
	if got := srv.Contacts(); len(got) != 1 || !slices.Equal(got[0].ChannelIDs, []int64{firstChannel, second.ID, chat.ID}) {
		t.Errorf("contacts are %+v", got)
	}
	if got := a.do("POST", "/channels/406004/contacts", fields("identifier", "nobody")); got.status != 422 {
		t.Errorf("an identifier of no kind: %d", got.status)
	}
}

func TestServer_createContact_private(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{Private: true})
	got := newAPI(t, srv).do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
	if got.at("is_private") != "true" || !srv.Contacts()[0].Private {
		t.Errorf("not private: %s", got.body)
	}
}

func TestBehavior_contactCreate_rules38and39and44(t *testing.T) {
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
		called   string
	}{
		{"the likeliest", trengotest.Behavior{}, "31600000001", 1, [2]int{200, 200}, "Ann"},
		{"rule 38: digits", trengotest.Behavior{PhoneMatch: trengotest.PhoneMatchDigits}, "+31 6-0000 0001", 1, [2]int{200, 200}, "Ann"},
		{"rule 38: never", trengotest.Behavior{PhoneMatch: trengotest.PhoneMatchNever}, "+31600000001", 2, [2]int{200, 200}, "Ann"},
		{"rule 39: the name is overwritten", trengotest.Behavior{OverwriteName: true}, "+31600000001", 1, [2]int{200, 200}, "Ben"},
		{
			"rule 44: its own status for each",
			trengotest.Behavior{ContactCreatedStatus: 201, ContactFoundStatus: 202},
			"+31600000001", 1,
			[2]int{201, 202},
			"Ann",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := desk()
			srv.Behavior = tt.behavior
			a := newAPI(t, srv)
			for i, st := range []step{phone("+31600000001", "Ann"), phone(tt.second, "Ben")} {
				if got := a.do(st.method, st.path, st.body); got.status != tt.status[i] {
					t.Errorf("create %d: status %d, want %d", i+1, got.status, tt.status[i])
				}
			}
			if got := srv.Contacts(); len(got) != tt.contacts || got[0].Name != tt.called {
				t.Errorf("contacts are %+v", got)
			}
		})
	}
}

func TestServer_contactFields_rule43(t *testing.T) {
	t.Parallel()
	srv := desk()
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
			t.Errorf("%s has %v\nwant %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestServer_contactChanges_rules6and46(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com", ChannelIDs: []int64{firstChannel}})
	newAPI(t, srv).run(t, []step{
		{
			name: "get", method: "GET", path: contactPath + "?include=notes",
			want: map[string]string{"notes": "[]", "groups": "[]", "channels.0.id": "406001"},
		},
		{name: "a group", method: "POST", path: "/contact_groups", body: fields("name", "Friends"), want: map[string]string{"id": "30001"}},
		{
			name: "group and no name", method: "PUT", path: contactPath, body: fields("contact_group_ids", []int{30001}),
			want: map[string]string{"name": "Ann", "groups.0.name": "Friends"},
		},
		{
			name: "name and no group", method: "PUT", path: contactPath, body: fields("name", "Ann New"),
			want: map[string]string{"name": "Ann New", "full_name": "Ann New", "groups.0.name": "Friends"},
		},
		{
			name: "no such group", method: "PUT", path: contactPath, body: fields("name", "Nope", "contact_group_ids", []int{5}), status: 422,
			want: map[string]string{"errors.contact_group_ids.0": "The selected contact group ids is invalid."},
		},
		{name: "no list", method: "PUT", path: contactPath, body: fields("contact_group_ids", "5"), status: 422},
		{name: "no ids", method: "PUT", path: contactPath, body: fields("contact_group_ids", []string{"x"}), status: 422},
		{
			name: "rule 46: note goes in, body comes out", method: "POST", path: contactPath + "/notes", body: fields("note", "Called."),
			want: map[string]string{"id": "88000001", "body": "Called.", "note": "missing", "contact.id": "460000001", "user.id": "3601"},
		},
		{name: "note without text", method: "POST", path: contactPath + "/notes", status: 422},
		{
			name: "get with note", method: "GET", path: contactPath,
			want: map[string]string{"name": "Ann New", "notes.0.body": "Called."},
		},
		{name: "delete a note", method: "DELETE", path: contactPath + "/notes/88000001"},
		{name: "delete it again", method: "DELETE", path: contactPath + "/notes/88000001", status: 404},
		{name: "delete", method: "DELETE", path: contactPath},
		{name: "rule 6: delete again", method: "DELETE", path: contactPath, status: 404},
		{name: "rule 6: get", method: "GET", path: contactPath, status: 404},
		{name: "rule 6: update", method: "PUT", path: contactPath, body: fields("name", "Ann"), status: 404},
		{name: "rule 6: note", method: "POST", path: contactPath + "/notes", body: fields("note", "x"), status: 404},
		{name: "rule 6: delete a note", method: "DELETE", path: contactPath + "/notes/1", status: 404},
		{name: "rule 6: custom field", method: "POST", path: contactPath + "/custom_fields", status: 404},
	})
}

func TestServer_customFields_rule56(t *testing.T) {
	t.Parallel()
	srv := conversation("EMAIL")
	newAPI(t, srv).run(t, []step{
		{
			name: "without fields an object is a list", method: "GET", path: contactPath,
			want: map[string]string{"custom_field_data": "<nil>", "formatted_custom_field_data": "[]", "custom_field_values": "[]"},
		},
		{
			name: "a field of contacts", method: "POST", path: "/custom_fields", body: fields("title", "Customer number", "type", "CONTACT"),
			want: map[string]string{"id": "600001", "identifier": "customer-number", "field_type": "TEXT", "sort_order": "-4", "channels": "[]"},
		},
		{name: "one more", method: "POST", path: "/custom_fields", body: fields("title", "Policy", "type", "CONTACT")},
		{name: "one of tickets", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "TICKET")},
		{
			name: "set", method: "POST", path: contactPath + "/custom_fields", body: fields("custom_field_id", 600001, "value", "12"),
			want: map[string]string{"id": "600001", "title": "Customer number"},
		},
		{
			name: "set a field of tickets", method: "POST", path: contactPath + "/custom_fields", body: fields("custom_field_id", 600003, "value", "12"),
			status: 422,
		},
		{
			name: "set in a message", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
			want: map[string]string{"message.contact.custom_fields.0.title": "Customer number", "message.contact.custom_fields.0.pivot.value": "12"},
		},
		{
			name: "set in full", method: "GET", path: contactPath,
			want: map[string]string{
				"custom_field_data":                 "map[Customer number:12]",
				"formatted_custom_field_data":       "map[Customer number:12 Policy:<nil>]",
				"custom_field_values.0.field_name":  "Customer number",
				"custom_field_values.0.value":       "12",
				"custom_field_values.1":             "missing",
				"formatted_custom_field_data.Order": "missing",
			},
		},
	})
	if got := srv.Contacts()[0].CustomFields; got["Customer number"] != "12" {
		t.Errorf("custom fields are %v", got)
	}
	got := newAPI(t, srv).do("PUT", "/custom_fields/600001", fields("title", "Number"))
	if got.at("title") != "Number" || srv.Contacts()[0].CustomFields["Number"] != "12" {
		t.Errorf("a new title left the custom fields %v", srv.Contacts()[0].CustomFields)
	}
	srv.AddContact(trengotest.Contact{CustomFields: map[string]string{"Policy": "A", "Tier": "B"}})
	fieldList := newAPI(t, srv).do("GET", "/custom_fields", nil)
	if got := fieldList.all("title"); !slices.Equal(got, []string{"Number", "Policy", "Order", "Tier"}) {
		t.Errorf("seeding left the fields %v", got)
	}
}
