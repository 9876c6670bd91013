package trengo_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestDestination_track(t *testing.T) {
	t.Parallel()
	ann := []trengotest.Contact{mailContact(11, "Ann", "ann@example.com")}
	phone := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	create := trengo.DestinationConfig{CreateMissingContacts: true}
	search := searchOf("ann%40example.com")
	opened := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket}
	openedForNew := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: newContact, TicketID: newTicket}
	runEvents(t, []eventCase{
		{
			name:     "a known person gets a ticket",
			contacts: ann,
			event:    trackEvent(`"properties":{"email":"ann@example.com"}`),
			want:     opened,
			requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name:     "a name in the event is not sent",
			contacts: ann,
			event:    trackEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     opened,
			requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name:     "a known person on a phone channel gets a ticket without a subject",
			cfg:      phone,
			contacts: []trengotest.Contact{phoneContact(11, "Ann", "+31 6 00000042")},
			event:    trackEvent(`"context":{"traits":{"phone":"0031600000042"}}`),
			want:     opened,
			requests: []string{searchOf("31600000042"), ticketOf(11, phoneChannel, "")},
		},
		{
			name:     "duplicates allowed do not open tickets on new contacts",
			cfg:      trengo.DestinationConfig{AllowDuplicates: true},
			contacts: ann,
			event:    trackEvent(`"properties":{"email":"ann@example.com"}`),
			want:     opened,
			requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name:     "a named contact is not searched",
			contacts: ann,
			event:    trackEvent(`"context":{"externalId":[{"type":"trengoContactId","id":11}]}`),
			want:     opened,
			requests: []string{ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name:     "a ticket is opened on the channel of the override",
			contacts: ann,
			event:    trackEvent(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			want:     opened,
			requests: []string{search, ticketOf(11, otherMailChannel, "About Ev")},
		},
		{
			name:     "an unknown person gets none",
			event:    trackEvent(`"properties":{"email":"ann@example.com"}`),
			err:      trengo.ErrContactNotFound,
			requests: []string{search},
		},
		{
			name:     "an unknown person gets none with duplicates allowed",
			cfg:      trengo.DestinationConfig{AllowDuplicates: true},
			event:    trackEvent(`"properties":{"email":"ann@example.com"}`),
			err:      trengo.ErrContactNotFound,
			requests: []string{search},
		},
		{
			name:     "an unknown person is created where that is wanted",
			cfg:      create,
			event:    trackEvent(`"properties":{"email":"ann@example.com","name":"A thing"},"context":{"traits":{"name":"Ann Lee"}}`),
			want:     openedForNew,
			requests: []string{search, createOf(mailChannel, "ann@example.com", "Ann Lee"), ticketOf(newContact, mailChannel, "About Ev")},
		},
		{
			name:  "an unknown person is created on the channel of the override",
			cfg:   create,
			event: trackEvent(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			want:  openedForNew,
			requests: []string{
				search, createOf(otherMailChannel, "ann@example.com", ""), ticketOf(newContact, otherMailChannel, "About Ev"),
			},
		},
		{
			name:     "a known person is not created",
			cfg:      create,
			contacts: ann,
			event:    trackEvent(`"properties":{"email":"ann@example.com"}`),
			want:     opened,
			requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name:  "no identifier is no request",
			cfg:   create,
			event: trackEvent(`"userId":"1001","properties":{"revenue":5}`),
			err:   trengo.ErrMissingIdentifier,
		},
		{
			name:  "a national phone is no request",
			cfg:   trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true},
			event: trackEvent(`"properties":{"phone":"06 0000 0042"}`),
			err:   trengo.ErrMissingIdentifier,
		},
	})
}

func TestDestination_subject(t *testing.T) {
	t.Parallel()
	opened := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket}
	templates := func(template string) trengo.DestinationConfig {
		return trengo.DestinationConfig{EventTemplates: map[string]string{"Ev": template, "Other": "Other"}}
	}
	byPhone := templates("About {{ event }}")
	byPhone.ChannelIdentifier = trengo.IdentifierPhone
	tests := []struct {
		name       string
		cfg        trengo.DestinationConfig
		properties string
		subject    string
	}{
		{"the name of the event", templates("{{ event }} from our store"), `{}`, "Ev from our store"},
		{"a property", templates("Product was of value:{{ revenue }}"), `{"revenue":2000}`, "Product was of value:2000"},
		{"a constant", templates("Cart was checked out"), `{"a":1}`, "Cart was checked out"},
		{"a constant, with properties that are null", templates("Cart was checked out"), `null`, "Cart was checked out"},
		{"a property, with properties that are an array", templates("Value:{{ revenue }}"), `[{"revenue":5}]`, "Value:"},
		{"characters of HTML", templates("{{ problem }}"), `{"problem":"Can't log in <since Monday> & so on"}`, "Can't log in <since Monday> & so on"},
		{"all digits of an integer", templates("{{ order.id }}"), `{"order":{"id":9007199254740993}}`, "9007199254740993"},
		{"a price as JavaScript prints it", templates("{{ total }}"), `{"total":27.50}`, "27.5"},
		{"an empty template", templates(""), `{}`, ""},
		{"a blank template", templates(" \t\n"), `{}`, ""},
		{"a template that renders nothing", templates("{{ missing }} "), `{}`, ""},
		{"a phone channel", byPhone, `{}`, ""},
	}
	var cases []eventCase
	for _, tt := range tests {
		channel := int64(mailChannel)
		if tt.cfg.ChannelIdentifier == trengo.IdentifierPhone {
			channel = phoneChannel
		}
		cases = append(cases, eventCase{
			name: tt.name, cfg: tt.cfg, want: opened,
			event:    trackEvent(`"context":{"externalId":[{"type":"trengoContactId","id":11}]},"properties":` + tt.properties),
			requests: []string{ticketOf(11, channel, tt.subject)},
		})
	}
	runEvents(t, cases, mailContact(11, "Ann", "ann@example.com"))
}

// What a plan shows is what goes over the wire, byte by byte.
func TestDestination_planHasTheBytesThatAreSent(t *testing.T) {
	t.Parallel()
	srv := newTrengo()
	destination := destinationOn(t, srv, trengo.DestinationConfig{
		CreateMissingContacts: true, EventTemplates: map[string]string{"Ev": "{{ problem }}"},
	})
	ev := mustParse(t, trackEvent(`"traits":{"email":"ann@example.com","name":"Ann <b> & é"},`+
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
	for _, r := range srv.Requests() {
		if r.Method != http.MethodGet {
			sent = append(sent, r.Method+" "+r.Path+" "+strings.ReplaceAll(string(r.Body), strconv.Itoa(newContact), "0"))
		}
	}
	if diff := cmp.Diff(planned, sent); diff != "" || len(sent) != 2 {
		t.Errorf("writes (-planned +sent):\n%s", diff)
	}
}
