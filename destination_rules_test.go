package trengo_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func TestDestination_identify(t *testing.T) {
	t.Parallel()
	ann := []trengotest.Contact{fixtures.EmailContact(11, "Ann", "ann@example.com")}
	search := fixtures.SearchLine("ann%40example.com")
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name:     "an unknown person is created",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee")},
		},
		{
			Name:     "an unknown person is created without a name",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "")},
		},
		{
			Name:     "a person is created on the channel of the override",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{search, fixtures.CreateLine(fixtures.OtherEmailChannel, "ann@example.com", "")},
		},
		{
			Name:     "a person on a phone channel is created",
			Config:   trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone},
			Event:    fixtures.IdentifyJSON(`"traits":{"phone":"+31 6 0000 0042","email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{fixtures.SearchLine("31600000042"), fixtures.CreateLine(fixtures.PhoneChannel, "+31600000042", "Ann Lee")},
		},
		{
			Name:     "a different name is updated",
			Contacts: ann,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{search, fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "a name in a different case is updated",
			Contacts: ann,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"ANN"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{search, fixtures.RenameLine(11, "ANN")},
		},
		{
			Name:     "a contact without a name gets one",
			Contacts: []trengotest.Contact{fixtures.EmailContact(11, "", "ann@example.com")},
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{search, fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "the same name needs no request",
			Contacts: ann,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":" Ann "}`),
			Want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			Requests: []string{search},
		},
		{
			Name:     "an event without a name needs no request",
			Contacts: ann,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			Requests: []string{search},
		},
		{
			Name:     "an override of the channel does not move a contact",
			Contacts: ann,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{search, fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:  "without an identifier nothing is sent",
			Event: fixtures.IdentifyJSON(`"userId":"1001","traits":{"name":"Ann Lee"}`),
			Err:   trengo.ErrMissingIdentifier,
		},
		{
			Name:  "an identifier of the other kind does not count",
			Event: fixtures.IdentifyJSON(`"traits":{"phone":"+31600000042"}`),
			Err:   trengo.ErrMissingIdentifier,
		},
	})
}

// An identify event that names its contact.
func TestDestination_identifyByContactID(t *testing.T) {
	t.Parallel()
	named := `"context":{"externalId":[{"type":"trengoContactId","id":11}]}`
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name:     "the name is updated without a search",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"},` + named),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "an event without a name needs no request",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"},` + named),
			Want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			Requests: nil,
		},
		{
			Name:     "no identifier is needed",
			Event:    fixtures.IdentifyJSON(`"traits":{"name":"Ann Lee"},` + named),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "the contact ID counts, not the identifier",
			Contacts: []trengotest.Contact{fixtures.EmailContact(12, "Bob", "bob@example.com")},
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"bob@example.com","name":"Ann Lee"},` + named),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "the contact ID counts with duplicates allowed",
			Config:   trengo.DestinationConfig{AllowDuplicates: true},
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"bob@example.com","name":"Ann Lee"},` + named),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{fixtures.RenameLine(11, "Ann Lee")},
		},
	}, fixtures.EmailContact(11, "Ann", "ann@example.com"))
}

func TestDestination_identifyWithDuplicatesAllowed(t *testing.T) {
	t.Parallel()
	mail := trengo.DestinationConfig{AllowDuplicates: true}
	phone := trengo.DestinationConfig{AllowDuplicates: true, ChannelIdentifier: trengo.IdentifierPhone}
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name:     "a contact is created without a search",
			Config:   mail,
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee")},
		},
		{
			Name:     "a second contact with the same phone number is created",
			Config:   phone,
			Contacts: []trengotest.Contact{fixtures.PhoneContact(11, "Ann", "+31600000042")},
			SetUp:    func(f *fixtures.Fixture) { f.Behavior.PhoneMatch = trengotest.PhoneMatchNever },
			Event:    fixtures.IdentifyJSON(`"traits":{"phone":"+31600000042","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{fixtures.CreateLine(fixtures.PhoneChannel, "+31600000042", "Ann Lee")},
		},
		{
			Name:        "a contact that Trengo returns instead keeps its name",
			Config:      mail,
			Contacts:    []trengotest.Contact{fixtures.EmailContact(11, "Ann", "ann@example.com")},
			Event:       fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:        trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			Requests:    []string{fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee")},
			Unplannable: true,
		},
		{
			Name:        "a contact with the same name that Trengo returns instead counts as created",
			Config:      mail,
			Contacts:    []trengotest.Contact{fixtures.EmailContact(11, "Ann", "ann@example.com")},
			Event:       fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann"}`),
			Want:        trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			Requests:    []string{fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann")},
			Unplannable: true,
		},
		{
			Name:   "without an identifier nothing is sent",
			Config: phone,
			Event:  fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`),
			Err:    trengo.ErrMissingIdentifier,
		},
	})
}

// A create may return a contact that the search missed.
func TestDestination_createReturnsExistingContact(t *testing.T) {
	t.Parallel()
	search := fixtures.SearchLine("ann%40example.com")
	cases := []fixtures.EventCase{
		{
			Name:     "a different name is updated",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee"), fixtures.RenameLine(11, "Ann Lee")},
		},
		{
			Name:     "the same name is not updated",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann")},
		},
		{
			Name:     "an event without a name leaves the name unchanged",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "")},
		},
		{
			Name:     "a part of a name leaves the name unchanged",
			Event:    fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","firstName":"Anna"}`),
			Want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Anna")},
		},
		{
			Name:     "a track event gets its ticket",
			Config:   trengo.DestinationConfig{CreateMissingContacts: true},
			Event:    fixtures.TrackJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee"), fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
	}
	for i := range cases {
		cases[i].Unplannable = true
		cases[i].SetUp = func(f *fixtures.Fixture) { f.Behavior.CaseSensitiveSearch = true }
	}
	fixtures.RunEventCases(t, cases, fixtures.EmailContact(11, "Ann", "Ann@Example.com"))
}

// returnFromCreate makes Trengo respond to a create with the given contact.
func returnFromCreate(contact string) func(*fixtures.Fixture) {
	return func(f *fixtures.Fixture) {
		f.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost && r.Path != "/tickets" {
				return trengotest.Respond(http.StatusOK, "application/json", contact)
			}
			return trengotest.Fault{}
		})
	}
}

// A create may return the contact of another person.
func TestDestination_createReturnsSomebodyElse(t *testing.T) {
	t.Parallel()
	phone := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	const ann = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	const annWithPhone = `"traits":{"phone":"+31600000042","name":"Ann Lee"}`
	mailRequests := []string{fixtures.SearchLine("ann%40example.com"), fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee")}
	phoneRequests := []string{fixtures.SearchLine("31600000042"), fixtures.CreateLine(fixtures.PhoneChannel, "+31600000042", "Ann Lee")}
	created := trengo.Result{Action: trengo.ActionContactCreated, ContactID: 77}
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name: "another email is refused", Event: fixtures.IdentifyJSON(ann),
			SetUp: returnFromCreate(`{"id":77,"name":"Bob","email":"joann@example.com"}`),
			Err:   trengo.ErrAmbiguousContact, ContactIDs: []int64{77}, Requests: mailRequests, Unplannable: true,
		},
		{
			Name: "another email is refused with duplicates allowed", Event: fixtures.IdentifyJSON(ann),
			Config: trengo.DestinationConfig{AllowDuplicates: true},
			SetUp:  returnFromCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			Err:    trengo.ErrAmbiguousContact, ContactIDs: []int64{77}, Requests: mailRequests[1:], Unplannable: true,
		},
		{
			Name: "another phone number is refused", Event: fixtures.IdentifyJSON(annWithPhone), Config: phone,
			SetUp: returnFromCreate(`{"id":77,"name":"Bob","phone":"+31600000043"}`),
			Err:   trengo.ErrAmbiguousContact, ContactIDs: []int64{77}, Requests: phoneRequests, Unplannable: true,
		},
		{
			Name: "another person gets no ticket", Event: fixtures.TrackJSON(ann), Config: trengo.DestinationConfig{CreateMissingContacts: true},
			SetUp: returnFromCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			Err:   trengo.ErrAmbiguousContact, ContactIDs: []int64{77}, Requests: mailRequests, Unplannable: true,
		},
		{
			Name: "the same email spelled differently is accepted", Event: fixtures.IdentifyJSON(ann),
			SetUp: returnFromCreate(`{"id":77,"name":"Ann Lee","email":"Ann@EXAMPLE.com"}`),
			Want:  created, Requests: mailRequests, Unplannable: true,
		},
		{
			Name: "the same phone number spelled differently is accepted", Event: fixtures.IdentifyJSON(annWithPhone), Config: phone,
			SetUp: returnFromCreate(`{"id":77,"name":"Ann Lee","phone":"0031 6-00000042"}`),
			Want:  created, Requests: phoneRequests, Unplannable: true,
		},
		{
			Name: "a contact without an email is accepted", Event: fixtures.IdentifyJSON(ann),
			SetUp: returnFromCreate(`{"id":77,"name":"Ann Lee","email":null,"phone":"+31600000043"}`),
			Want:  created, Requests: mailRequests, Unplannable: true,
		},
		{
			Name: "a contact without a phone number is accepted", Event: fixtures.IdentifyJSON(annWithPhone), Config: phone,
			SetUp: returnFromCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			Want:  created, Requests: phoneRequests, Unplannable: true,
		},
	})
}

func TestDestination_track(t *testing.T) {
	t.Parallel()
	ann := []trengotest.Contact{fixtures.EmailContact(11, "Ann", "ann@example.com")}
	phone := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	create := trengo.DestinationConfig{CreateMissingContacts: true}
	search := fixtures.SearchLine("ann%40example.com")
	opened := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	openedForNew := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: fixtures.FirstContact, TicketID: fixtures.FirstTicket}
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name:     "a known person gets a ticket",
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com"}`),
			Want:     opened,
			Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:     "a name in the event is not sent",
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			Want:     opened,
			Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:     "a known person on a phone channel gets a ticket without a subject",
			Config:   phone,
			Contacts: []trengotest.Contact{fixtures.PhoneContact(11, "Ann", "+31 6 00000042")},
			Event:    fixtures.TrackJSON(`"context":{"traits":{"phone":"0031600000042"}}`),
			Want:     opened,
			Requests: []string{fixtures.SearchLine("31600000042"), fixtures.TicketLine(11, fixtures.PhoneChannel, "")},
		},
		{
			Name:     "with duplicates allowed, a known person gets a ticket",
			Config:   trengo.DestinationConfig{AllowDuplicates: true},
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com"}`),
			Want:     opened,
			Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:     "an event that names its contact needs no search",
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"context":{"externalId":[{"type":"trengoContactId","id":11}]}`),
			Want:     opened,
			Requests: []string{fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:     "a ticket is opened on the channel of the override",
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			Want:     opened,
			Requests: []string{search, fixtures.TicketLine(11, fixtures.OtherEmailChannel, fixtures.EventSubject)},
		},
		{
			Name:     "an unknown person gets no ticket",
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com"}`),
			Err:      trengo.ErrContactNotFound,
			Requests: []string{search},
		},
		{
			Name:     "with duplicates allowed, an unknown person gets no ticket",
			Config:   trengo.DestinationConfig{AllowDuplicates: true},
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com"}`),
			Err:      trengo.ErrContactNotFound,
			Requests: []string{search},
		},
		{
			Name:     "an unknown person is created with CreateMissingContacts",
			Config:   create,
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com","name":"A thing"},"context":{"traits":{"name":"Ann Lee"}}`),
			Want:     openedForNew,
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann Lee"), fixtures.TicketLine(fixtures.FirstContact, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:   "an unknown person is created on the channel of the override",
			Config: create,
			Event:  fixtures.TrackJSON(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			Want:   openedForNew,
			Requests: []string{
				search, fixtures.CreateLine(fixtures.OtherEmailChannel, "ann@example.com", ""), fixtures.TicketLine(fixtures.FirstContact, fixtures.OtherEmailChannel, fixtures.EventSubject),
			},
		},
		{
			Name:     "a known person is not created with CreateMissingContacts",
			Config:   create,
			Contacts: ann,
			Event:    fixtures.TrackJSON(`"properties":{"email":"ann@example.com"}`),
			Want:     opened,
			Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name:   "without an identifier nothing is sent",
			Config: create,
			Event:  fixtures.TrackJSON(`"userId":"1001","properties":{"revenue":5}`),
			Err:    trengo.ErrMissingIdentifier,
		},
		{
			Name:   "with a phone number in national form nothing is sent",
			Config: trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true},
			Event:  fixtures.TrackJSON(`"properties":{"phone":"06 0000 0042"}`),
			Err:    trengo.ErrMissingIdentifier,
		},
	})
}

func TestDestination_subject(t *testing.T) {
	t.Parallel()
	opened := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	templates := func(template string) trengo.DestinationConfig {
		return trengo.DestinationConfig{EventTemplates: map[string]string{fixtures.TrackEvent: template, "Other": "Other"}}
	}
	phone := templates("About {{ event }}")
	phone.ChannelIdentifier = trengo.IdentifierPhone
	tests := []struct {
		name       string
		cfg        trengo.DestinationConfig
		properties string
		subject    string
	}{
		{"the name of the event", templates("{{ event }} from our store"), `{}`, fixtures.TrackEvent + " from our store"},
		{"a property", templates("Product was of value:{{ revenue }}"), `{"revenue":2000}`, "Product was of value:2000"},
		{"a constant", templates("Cart was checked out"), `{"a":1}`, "Cart was checked out"},
		{"a constant, and properties that are null", templates("Cart was checked out"), `null`, "Cart was checked out"},
		{"a property, and properties that are an array", templates("Value:{{ revenue }}"), `[{"revenue":5}]`, "Value:"},
		{"HTML characters", templates("{{ problem }}"), `{"problem":"Can't log in <since Monday> & so on"}`, "Can't log in <since Monday> & so on"},
		{"all digits of an integer", templates("{{ order.id }}"), `{"order":{"id":9007199254740993}}`, "9007199254740993"},
		{"a price, printed as in JavaScript", templates("{{ total }}"), `{"total":27.50}`, "27.5"},
		{"an empty template", templates(""), `{}`, ""},
		{"a template of white space", templates(" \t\n"), `{}`, ""},
		{"a template that renders white space", templates("{{ missing }} "), `{}`, ""},
		{"a phone channel", phone, `{}`, ""},
	}
	var cases []fixtures.EventCase
	for _, tt := range tests {
		channel := int64(fixtures.EmailChannel)
		if tt.cfg.ChannelIdentifier == trengo.IdentifierPhone {
			channel = fixtures.PhoneChannel
		}
		cases = append(cases, fixtures.EventCase{
			Name: tt.name, Config: tt.cfg, Want: opened,
			Event:    fixtures.TrackJSON(`"context":{"externalId":[{"type":"trengoContactId","id":11}]},"properties":` + tt.properties),
			Requests: []string{fixtures.TicketLine(11, channel, tt.subject)},
		})
	}
	fixtures.RunEventCases(t, cases, fixtures.EmailContact(11, "Ann", "ann@example.com"))
}

// The writes of a plan are the bytes that are sent.
func TestDestination_planHasTheSentBytes(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t)
	destination := f.NewWarmDestination(trengo.DestinationConfig{
		CreateMissingContacts: true, EventTemplates: map[string]string{fixtures.TrackEvent: "{{ problem }}"},
	})
	ev := fixtures.ParseEvent(t, fixtures.TrackJSON(`"traits":{"email":"ann@example.com","name":"Ann <b> & é"},`+
		`"properties":{"problem":"Can't <log> in & out"},"context":{"externalId":{"type":"trengoChannelId","id":405981}}`))
	plan, err := destination.Plan(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := destination.Process(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	var planned, sent []string
	for _, w := range plan.Writes {
		planned = append(planned, w.Method+" "+w.Path+" "+string(w.Body))
	}
	for _, r := range f.Requests() {
		if r.Method != http.MethodGet {
			sent = append(sent, r.Method+" "+r.Path+" "+strings.ReplaceAll(string(r.Body), strconv.Itoa(fixtures.FirstContact), "0"))
		}
	}
	if diff := cmp.Diff(planned, sent); diff != "" || len(sent) != 2 {
		t.Errorf("writes (-planned +sent):\n%s", diff)
	}
}
