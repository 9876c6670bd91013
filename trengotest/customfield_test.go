package trengotest_test

import (
	"slices"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_customFields(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	newAPI(t, srv).run(t, []step{
		{
			name: "without fields, an empty list instead of an object", method: "GET", path: contactPath,
			want: map[string]string{"custom_field_data": "<nil>", "formatted_custom_field_data": "[]", "custom_field_values": "[]"},
		},
		{
			name: "create a field of contacts", method: "POST", path: "/custom_fields", body: fields("title", "Customer number", "type", "CONTACT"),
			want: map[string]string{"id": "600001", "identifier": "customer-number", "field_type": "TEXT", "sort_order": "-4", "channels": "[]"},
		},
		{name: "create another one", method: "POST", path: "/custom_fields", body: fields("title", "Policy", "type", "CONTACT")},
		{name: "create a field of tickets", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "TICKET")},
		{
			name: "set a value", method: "POST", path: contactPath + "/custom_fields", body: fields("custom_field_id", 600001, "value", "12"),
			want: map[string]string{"id": "600001", "title": "Customer number"},
		},
		{
			name: "set a value of a field of tickets", method: "POST", path: contactPath + "/custom_fields", body: fields("custom_field_id", 600003, "value", "12"),
			status: 422,
		},
		{
			name: "the value in a message", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
			want: map[string]string{"message.contact.custom_fields.0.title": "Customer number", "message.contact.custom_fields.0.pivot.value": "12"},
		},
		{
			name: "the value in the contact", method: "GET", path: contactPath,
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
		t.Errorf("got custom fields %v", got)
	}
	got := newAPI(t, srv).do("PUT", "/custom_fields/600001", fields("title", "Number"))
	if got.at("title") != "Number" || srv.Contacts()[0].CustomFields["Number"] != "12" {
		t.Errorf("got custom fields %v after a new title", srv.Contacts()[0].CustomFields)
	}
	srv.AddContact(trengotest.Contact{CustomFields: map[string]string{"Policy": "A", "Tier": "B"}})
	fieldList := newAPI(t, srv).do("GET", "/custom_fields", nil)
	if got := fieldList.all("title"); !slices.Equal(got, []string{"Number", "Policy", "Order", "Tier"}) {
		t.Errorf("got fields %v after AddContact", got)
	}
}

func TestServer_customFields_unprocessable(t *testing.T) {
	t.Parallel()
	a := newAPI(t, trengotest.New())
	a.run(t, []step{
		{name: "title is not text", method: "POST", path: "/custom_fields", body: fields("title", 5, "type", "CONTACT"), status: 422},
		{name: "create", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "CONTACT")},
		{name: "remove the title", method: "PUT", path: "/custom_fields/600001", body: fields("title", nil), status: 422},
		{name: "the title is unchanged", method: "GET", path: "/custom_fields/600001", want: map[string]string{"title": "Order"}},
		{name: "unknown field", method: "PUT", path: "/custom_fields/5", body: fields("title", "x"), status: 404},
	})
}
