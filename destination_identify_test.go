package trengo_test

import (
	"net/http"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestDestination_identify(t *testing.T) {
	t.Parallel()
	ann := []trengotest.Contact{mailContact(11, "Ann", "ann@example.com")}
	search := searchOf("ann%40example.com")
	runEvents(t, []eventCase{
		{
			name:     "a person whom nobody knows is created",
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "Ann Lee")},
		},
		{
			name:     "a person whom nobody knows is created without a name",
			event:    identifyEvent(`"traits":{"email":"ann@example.com"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "")},
		},
		{
			name:     "a person is created on the channel of the override",
			event:    identifyEvent(`"traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{search, createOf(otherMailChannel, "ann@example.com", "")},
		},
		{
			name:     "a person on a phone channel is created",
			cfg:      trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone},
			event:    identifyEvent(`"traits":{"phone":"+31 6 0000 0042","email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{searchOf("31600000042"), createOf(phoneChannel, "+31600000042", "Ann Lee")},
		},
		{
			name:     "another name is updated",
			contacts: ann,
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{search, renameOf(11, "Ann Lee")},
		},
		{
			name:     "a name in other case is another name",
			contacts: ann,
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"ANN"}`),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{search, renameOf(11, "ANN")},
		},
		{
			name:     "a contact without a name gets one",
			contacts: []trengotest.Contact{mailContact(11, "", "ann@example.com")},
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{search, renameOf(11, "Ann Lee")},
		},
		{
			name:     "the same name is no request",
			contacts: ann,
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":" Ann "}`),
			want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			requests: []string{search},
		},
		{
			name:     "no name is no request",
			contacts: ann,
			event:    identifyEvent(`"traits":{"email":"ann@example.com"}`),
			want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			requests: []string{search},
		},
		{
			name:     "the channel of the override does not move a contact",
			contacts: ann,
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"},"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{search, renameOf(11, "Ann Lee")},
		},
		{
			name:  "no identifier is no request",
			event: identifyEvent(`"userId":"1001","traits":{"name":"Ann Lee"}`),
			err:   trengo.ErrMissingIdentifier,
		},
		{
			name:  "the identifier of the other kind is none",
			event: identifyEvent(`"traits":{"phone":"+31600000042"}`),
			err:   trengo.ErrMissingIdentifier,
		},
	})
}

func TestDestination_identifyNamedContact(t *testing.T) {
	t.Parallel()
	named := `"context":{"externalId":[{"type":"trengoContactId","id":11}]}`
	runEvents(t, []eventCase{
		{
			name:     "its name is updated without a search",
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"},` + named),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{renameOf(11, "Ann Lee")},
		},
		{
			name:     "no name is no request",
			event:    identifyEvent(`"traits":{"email":"ann@example.com"},` + named),
			want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			requests: nil,
		},
		{
			name:     "it needs no identifier",
			event:    identifyEvent(`"traits":{"name":"Ann Lee"},` + named),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{renameOf(11, "Ann Lee")},
		},
		{
			name:     "it is trusted, whoever has the identifier",
			contacts: []trengotest.Contact{mailContact(12, "Bob", "bob@example.com")},
			event:    identifyEvent(`"traits":{"email":"bob@example.com","name":"Ann Lee"},` + named),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{renameOf(11, "Ann Lee")},
		},
		{
			name:     "it counts with duplicates allowed, too",
			cfg:      trengo.DestinationConfig{AllowDuplicates: true},
			event:    identifyEvent(`"traits":{"email":"bob@example.com","name":"Ann Lee"},` + named),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{renameOf(11, "Ann Lee")},
		},
	}, mailContact(11, "Ann", "ann@example.com"))
}

func TestDestination_identifyWithDuplicatesAllowed(t *testing.T) {
	t.Parallel()
	mail := trengo.DestinationConfig{AllowDuplicates: true}
	phone := trengo.DestinationConfig{AllowDuplicates: true, ChannelIdentifier: trengo.IdentifierPhone}
	runEvents(t, []eventCase{
		{
			name:     "a contact is created without a search",
			cfg:      mail,
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{createOf(mailChannel, "ann@example.com", "Ann Lee")},
		},
		{
			name:     "a second contact of a phone is created",
			cfg:      phone,
			contacts: []trengotest.Contact{phoneContact(11, "Ann", "+31600000042")},
			setUp:    func(srv *trengotest.Server) { srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever },
			event:    identifyEvent(`"traits":{"phone":"+31600000042","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: newContact},
			requests: []string{createOf(phoneChannel, "+31600000042", "Ann Lee")},
		},
		{
			name:     "the contact that Trengo finds instead keeps its name",
			cfg:      mail,
			contacts: []trengotest.Contact{mailContact(11, "Ann", "ann@example.com")},
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11},
			requests: []string{createOf(mailChannel, "ann@example.com", "Ann Lee")},
			surprise: true,
		},
		{
			name:     "a contact that Trengo finds and that has the name is told from a new one by nothing",
			cfg:      mail,
			contacts: []trengotest.Contact{mailContact(11, "Ann", "ann@example.com")},
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			requests: []string{createOf(mailChannel, "ann@example.com", "Ann")},
			surprise: true,
		},
		{
			name:  "no identifier is no request",
			cfg:   phone,
			event: identifyEvent(`"traits":{"email":"ann@example.com"}`),
			err:   trengo.ErrMissingIdentifier,
		},
	})
}

// A search may miss a contact that a create finds: here it minds upper and
// lower case.
func missedBySearch(srv *trengotest.Server) { srv.Behavior.CaseSensitiveSearch = true }

func TestDestination_createFindsContact(t *testing.T) {
	t.Parallel()
	search := searchOf("ann%40example.com")
	cases := []eventCase{
		{
			name:     "another name is updated",
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "Ann Lee"), renameOf(11, "Ann Lee")},
		},
		{
			name:     "the same name is not",
			event:    identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "Ann")},
		},
		{
			name:     "an event without a name leaves the name as it is",
			event:    identifyEvent(`"traits":{"email":"ann@example.com"}`),
			want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "")},
		},
		{
			name:     "a track call gets its ticket",
			cfg:      trengo.DestinationConfig{CreateMissingContacts: true},
			event:    trackEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`),
			want:     trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket},
			requests: []string{search, createOf(mailChannel, "ann@example.com", "Ann Lee"), ticketOf(11, mailChannel, "About Ev")},
		},
	}
	for i := range cases {
		cases[i].setUp, cases[i].surprise = missedBySearch, true
	}
	runEvents(t, cases, mailContact(11, "Ann", "Ann@Example.com"))
}

// answerCreate makes Trengo answer a create with the given contact.
func answerCreate(contact string) func(*trengotest.Server) {
	return func(srv *trengotest.Server) {
		srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost && r.Path != "/tickets" {
				return trengotest.Respond(http.StatusOK, "application/json", contact)
			}
			return trengotest.Fault{}
		})
	}
}

func TestDestination_createAnswersWithSomebodyElse(t *testing.T) {
	t.Parallel()
	phone := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	const ann = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	const annByPhone = `"traits":{"phone":"+31600000042","name":"Ann Lee"}`
	mailRequests := []string{searchOf("ann%40example.com"), createOf(mailChannel, "ann@example.com", "Ann Lee")}
	phoneRequests := []string{searchOf("31600000042"), createOf(phoneChannel, "+31600000042", "Ann Lee")}
	created := trengo.Result{Action: trengo.ActionContactCreated, ContactID: 77}
	runEvents(t, []eventCase{
		{
			name: "somebody with another e-mail is refused", event: identifyEvent(ann),
			setUp: answerCreate(`{"id":77,"name":"Bob","email":"joann@example.com"}`),
			err:   trengo.ErrAmbiguousContact, ids: []int64{77}, requests: mailRequests, surprise: true,
		},
		{
			name: "somebody with another e-mail is refused with duplicates allowed", event: identifyEvent(ann),
			cfg:   trengo.DestinationConfig{AllowDuplicates: true},
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			err:   trengo.ErrAmbiguousContact, ids: []int64{77}, requests: mailRequests[1:], surprise: true,
		},
		{
			name: "somebody with another phone is refused", event: identifyEvent(annByPhone), cfg: phone,
			setUp: answerCreate(`{"id":77,"name":"Bob","phone":"+31600000043"}`),
			err:   trengo.ErrAmbiguousContact, ids: []int64{77}, requests: phoneRequests, surprise: true,
		},
		{
			name: "somebody else gets no ticket", event: trackEvent(ann), cfg: trengo.DestinationConfig{CreateMissingContacts: true},
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			err:   trengo.ErrAmbiguousContact, ids: []int64{77}, requests: mailRequests, surprise: true,
		},
		{
			name: "an e-mail spelled in another way is the person's", event: identifyEvent(ann),
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","email":"Ann@EXAMPLE.com"}`),
			want:  created, requests: mailRequests, surprise: true,
		},
		{
			name: "a phone spelled in another way is the person's", event: identifyEvent(annByPhone), cfg: phone,
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","phone":"0031 6-00000042"}`),
			want:  created, requests: phoneRequests, surprise: true,
		},
		{
			name: "an answer without e-mail contradicts nothing", event: identifyEvent(ann),
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","email":null,"phone":"+31600000043"}`),
			want:  created, requests: mailRequests, surprise: true,
		},
		{
			name: "an answer without phone contradicts nothing", event: identifyEvent(annByPhone), cfg: phone,
			setUp: answerCreate(`{"id":77,"name":"Ann Lee","email":"joann@example.com"}`),
			want:  created, requests: phoneRequests, surprise: true,
		},
	})
}
