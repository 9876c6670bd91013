package trengo_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func TestContactsService_Get(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: "SMS", Title: "Texts"})
	srv.AddContact(trengotest.Contact{
		ID: 4_000_000_001, Name: "Ann Example", Phone: "+31600000001",
		ChannelIDs: []int64{channel.ID}, CustomFields: map[string]string{"Customer number": "12"},
	})
	got, err := fixtures.NewClient(t, srv).Contacts.Get(t.Context(), 4_000_000_001)
	if err != nil {
		t.Fatal(err)
	}
	if request := testkit.LastRequest(t, srv); request != "GET /contacts/4000000001" {
		t.Errorf("request is %s", request)
	}
	if len(got.Channels) != 1 || got.Channels[0].ID != channel.ID || got.Channels[0].Title != "Texts" || got.Channels[0].Type != "SMS" {
		t.Errorf("channels are %+v", got.Channels)
	}
	got.Channels, got.Color, got.Avatar, got.Notes, got.Groups, got.Profile, got.Pivot = nil, "", "", nil, nil, nil, nil
	want := &trengo.Contact{
		ID: 4_000_000_001, Name: "Ann Example", FullName: "Ann Example",
		Phone: "+31600000001", FormattedPhone: got.FormattedPhone, Identifier: got.FormattedPhone,
		DisplayName: "Ann Example (" + got.FormattedPhone + ")", Abbr: "A", IsPhone: true,
		CustomFieldData:          map[string]string{"Customer number": "12"},
		FormattedCustomFieldData: map[string]string{"Customer number": "12"},
		CustomFieldValues:        []trengo.CustomFieldValue{{CustomFieldID: got.CustomFieldValues[0].CustomFieldID, FieldName: "Customer number", Value: "12"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contact (-want +got):\n%s", diff)
	}
	if got.FormattedPhone == "" || got.CustomFieldValues[0].CustomFieldID == 0 {
		t.Errorf("the formatted phone number or the ID of the field is missing: %+v", got)
	}
}

func TestContactsService_Create(t *testing.T) {
	srv := trengotest.New()
	mail := srv.AddChannel(trengotest.Channel{ID: 500, Type: "EMAIL"})
	sms := srv.AddChannel(trengotest.Channel{ID: 600, Type: "SMS"})
	old := srv.AddContact(trengotest.Contact{Name: "Old Name", Email: "old@example.com"})
	tests := []struct {
		name    string
		in      trengo.ContactCreateParams
		request string
		want    trengo.Contact // its other fields are not compared
	}{
		{
			"with an email",
			trengo.ContactCreateParams{ChannelID: mail.ID, Identifier: "ann@example.com", Name: "Ann <Example>"},
			`POST /channels/500/contacts {"channel_id":500,"identifier":"ann@example.com","name":"Ann <Example>"}`,
			trengo.Contact{ID: old.ID + 1, Name: "Ann <Example>", Email: "ann@example.com"},
		},
		{
			"with a phone number",
			trengo.ContactCreateParams{ChannelID: sms.ID, Identifier: "+31600000001"},
			`POST /channels/600/contacts {"channel_id":600,"identifier":"+31600000001"}`,
			trengo.Contact{ID: old.ID + 2, Phone: "+31600000001", IsPhone: true},
		},
		{
			"that exists already",
			trengo.ContactCreateParams{ChannelID: mail.ID, Identifier: "old@example.com", Name: "New Name"},
			`POST /channels/500/contacts {"channel_id":500,"identifier":"old@example.com","name":"New Name"}`,
			trengo.Contact{ID: old.ID, Name: "Old Name", Email: "old@example.com"},
		},
	}
	client := fixtures.NewClient(t, srv)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := client.Contacts.Create(t.Context(), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.request, testkit.LastRequest(t, srv)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			known := trengo.Contact{ID: got.ID, Name: got.Name, Email: got.Email, Phone: got.Phone, IsPhone: got.IsPhone}
			if diff := cmp.Diff(tt.want, known); diff != "" {
				t.Errorf("contact (-want +got):\n%s", diff)
			}
		})
	}
}

func TestContactsService_Create_anySuccessStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202} {
		srv := trengotest.New()
		srv.Behavior.ContactCreatedStatus = status
		channel := srv.AddChannel(trengotest.Channel{})
		in := trengo.ContactCreateParams{ChannelID: channel.ID, Identifier: "ann@example.com"}
		if got, err := fixtures.NewClient(t, srv).Contacts.Create(t.Context(), in); err != nil || got.ID == 0 {
			t.Errorf("%d: got %+v, %v", status, got, err)
		}
	}
}

func TestContactsService_Create_retried(t *testing.T) {
	for name, fault := range fixtures.LostResponses {
		t.Run("with an email, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				channel := srv.AddChannel(trengotest.Channel{})
				srv.Inject(fault)
				got, err := fixtures.NewClient(t, srv).Contacts.Create(t.Context(), trengo.ContactCreateParams{ChannelID: channel.ID, Identifier: "ann@example.com"})
				if err != nil {
					t.Fatal(err)
				}
				if all := srv.Contacts(); len(all) != 1 || all[0].ID != got.ID || len(srv.Requests()) != 2 {
					t.Errorf("%d requests created %+v, want two requests and contact %d", len(srv.Requests()), all, got.ID)
				}
			})
		})
		t.Run("with a phone number, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever
				channel := srv.AddChannel(trengotest.Channel{Type: "SMS"})
				srv.Inject(fault)
				got, err := fixtures.NewClient(t, srv).Contacts.Create(t.Context(), trengo.ContactCreateParams{ChannelID: channel.ID, Identifier: "+31600000001"})
				if got != nil || !errors.Is(err, trengo.ErrOutcomeUnknown) {
					t.Errorf("got %+v, %v, want only an unknown outcome", got, err)
				}
				if len(srv.Requests()) != 1 || len(srv.Contacts()) != 1 {
					t.Errorf("%d requests created %d contacts, want one of each", len(srv.Requests()), len(srv.Contacts()))
				}
			})
		})
	}
}

func TestContactsService_Update(t *testing.T) {
	srv := trengotest.New()
	srv.AddContact(trengotest.Contact{ID: 7, Name: "Ann", Email: "ann@example.com"})
	client := fixtures.NewClient(t, srv)
	var group struct{ ID int64 }
	if err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/contact_groups", Body: map[string]string{"name": "VIP"}}, &group); err != nil {
		t.Fatal(err)
	}
	if group.ID != 30001 {
		t.Fatalf("the group is %+v", group)
	}
	tests := []struct {
		name    string
		in      trengo.ContactUpdateParams
		request string
		want    string // the name after the update
		groups  int
	}{
		{"the name", trengo.ContactUpdateParams{Name: "Ann Example"}, `PUT /contacts/7 {"name":"Ann Example"}`, "Ann Example", 0},
		{"the groups", trengo.ContactUpdateParams{ContactGroupIDs: []int64{30001}}, `PUT /contacts/7 {"contact_group_ids":[30001]}`, "Ann Example", 1},
		{"nothing", trengo.ContactUpdateParams{}, `PUT /contacts/7 {}`, "Ann Example", 1},
		{"all groups removed", trengo.ContactUpdateParams{ContactGroupIDs: []int64{}}, `PUT /contacts/7 {"contact_group_ids":[]}`, "Ann Example", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := client.Contacts.Update(t.Context(), 7, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.request, testkit.LastRequest(t, srv)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if got.ID != 7 || got.Name != tt.want || got.Email != "ann@example.com" || len(got.Groups) != tt.groups {
				t.Errorf("contact is %+v, want name %q and %d groups", got, tt.want, tt.groups)
			}
		})
	}
}

func TestContactsService_Update_retried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
		srv.Inject(trengotest.LostAfter(), trengotest.RespondHTML(502), trengotest.LostBefore())
		got, err := fixtures.NewClient(t, srv).Contacts.Update(t.Context(), contact.ID, trengo.ContactUpdateParams{Name: "Ann"})
		if err != nil || got.Name != "Ann" || len(srv.Requests()) != 4 {
			t.Errorf("got %+v, %v after %d requests, want the new name after four", got, err, len(srv.Requests()))
		}
	})
}

func TestContactsService_Delete(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		srv := trengotest.New()
		srv.Behavior.EmptyStatus = status
		srv.AddContact(trengotest.Contact{ID: 7})
		srv.AddContact(trengotest.Contact{ID: 8})
		if err := fixtures.NewClient(t, srv).Contacts.Delete(t.Context(), 7); err != nil {
			t.Error(err)
		}
		if request := testkit.LastRequest(t, srv); request != "DELETE /contacts/7" {
			t.Errorf("request is %s", request)
		}
		if left := srv.Contacts(); len(left) != 1 || left[0].ID != 8 {
			t.Errorf("%+v remain", left)
		}
	}
}

// If the response to a delete is lost, the retry does not find the contact.
func TestContactsService_Delete_retried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		contact := srv.AddContact(trengotest.Contact{})
		srv.Inject(trengotest.LostAfter())
		err := fixtures.NewClient(t, srv).Contacts.Delete(t.Context(), contact.ID)
		if !errors.Is(err, trengo.ErrNotFound) || errors.Is(err, trengo.ErrOutcomeUnknown) || len(srv.Requests()) != 2 {
			t.Errorf("error is %v after %d requests, want ErrNotFound after two", err, len(srv.Requests()))
		}
	})
}

func TestContactsService_unprocessable(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	contacts := fixtures.NewClient(t, srv).Contacts
	tests := []struct {
		name   string
		call   func(context.Context) (*trengo.Contact, error)
		fields map[string][]string
	}{
		{
			"creating with a phone number on an email channel", func(ctx context.Context) (*trengo.Contact, error) {
				return contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: channel.ID, Identifier: "+31600000001"})
			}, map[string][]string{"identifier": {"The identifier must be a valid email address."}},
		},
		{
			"creating without an identifier", func(ctx context.Context) (*trengo.Contact, error) {
				return contacts.Create(ctx, trengo.ContactCreateParams{ChannelID: channel.ID})
			}, map[string][]string{"identifier": {"The identifier field is required."}},
		},
		{
			"updating with a group that does not exist", func(ctx context.Context) (*trengo.Contact, error) {
				return contacts.Update(ctx, contact.ID, trengo.ContactUpdateParams{ContactGroupIDs: []int64{1}})
			}, map[string][]string{"contact_group_ids": {"The selected contact group ids is invalid."}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.call(t.Context())
			if got != nil || !errors.Is(err, trengo.ErrUnprocessable) {
				t.Fatalf("got %+v, %v; want only an error", got, err)
			}
			if diff := cmp.Diff(tt.fields, fixtures.ErrorOf(t, err).Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
