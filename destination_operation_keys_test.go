package trengo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

func TestDestination_emailKeys(t *testing.T) {
	t.Parallel()
	const none = "the event does not have an email"
	const a = "a@example.com"
	traits := func(fields string) string { return `"traits":{` + fields + `}` }
	runIdentifiers(t, trengo.DestinationConfig{}, []identifierCase{
		{name: "upper case", fields: traits(`"EMAIL":"a@example.com"`), identifier: a},
		{name: "title case", fields: traits(`"Email":"a@example.com"`), identifier: a},
		{name: "a hyphen", fields: traits(`"e-mail":"a@example.com"`), identifier: a},
		{name: "a dollar sign", fields: traits(`"$email":"a@example.com"`), identifier: a},
		{name: "emailAddress", fields: traits(`"emailAddress":"a@example.com"`), identifier: a},
		{name: "email_address", fields: traits(`"email_address":"a@example.com"`), identifier: a},
		{name: "EMAIL_ADDRESS of a warehouse", fields: traits(`"EMAIL_ADDRESS":"a@example.com"`), identifier: a},
		{name: "Email Address of a form", fields: traits(`"Email Address":"a@example.com"`), identifier: a},
		{name: "in context.traits", fields: `"context":{"traits":{"EMAIL":"a@example.com"}}`, identifier: a},
		{name: "in properties", fields: `"properties":{"EMAIL":"a@example.com"}`, identifier: a},
		{name: "a list of another spelling", fields: traits(`"Emails":["x","a@example.com"]`), identifier: a},
		{name: "a list of objects of another spelling", fields: traits(`"email_addresses":[{"id":"idn_1","email_address":"a@example.com"}]`), identifier: a},

		{name: "a list of objects with the key", fields: traits(`"email_addresses":[{"email":"a@example.com"}]`), identifier: a},
		{name: "other spellings in the objects of an exact list do not count", fields: traits(`"emails":[{"Email":"b@example.com"},"a@example.com"]`), identifier: a},
		{name: "the exact key in properties before others in traits", fields: traits(`"EMAIL":"b@example.com"`) + `,"properties":{"email":"a@example.com"}`, identifier: a},
		{name: "an external ID before other spellings", fields: traits(`"EMAIL":"b@example.com"`) + `,"context":{"externalId":[{"type":"email","id":"a@example.com"}]}`, identifier: a},
		{name: "other spellings of traits before those of properties", fields: traits(`"EMAIL":"a@example.com"`) + `,"properties":{"Email":"b@example.com"}`, identifier: a},
		{name: "other spellings of context.traits before those of properties", fields: `"context":{"traits":{"EMAIL":"a@example.com"}},"properties":{"emailAddress":"b@example.com"}`, identifier: a},
		{name: "emailAddress before other spellings", fields: traits(`"EMAIL":"b@example.com","emailAddress":"a@example.com"`), identifier: a},
		{name: "of two spellings the first of the alphabet", fields: traits(`"Email":"b@example.com","EMAIL":"a@example.com"`), identifier: a},
		{name: "an invalid exact one is skipped", fields: traits(`"email":"n/a","EMAIL":"a@example.com"`), identifier: a},

		{name: "keys of something else", fields: traits(`"mail":"b@example.com","email2":"b@example.com","workEmail":"b@example.com","email_id":"b@example.com","emailed":"b@example.com"`), says: none},
		{name: "a letter that only looks like one", fields: traits(`"e\u043cail":"b@example.com"`), says: none},
		{name: "another spelling that is a bool", fields: traits(`"EMAIL":true,"Emails":3.5`), says: none},
		{name: "a nested one", fields: traits(`"contact":{"email":"b@example.com"}`), says: none},
	})
}

func TestDestination_emailKeys_configured(t *testing.T) {
	t.Parallel()
	const none = "the event does not have an email"
	runIdentifiers(t, trengo.DestinationConfig{EmailKeys: []string{"contact.email", "work_email"}}, []identifierCase{
		{name: "a path", fields: `"properties":{"contact":{"email":"a@example.com"}}`, identifier: "a@example.com"},
		{name: "a path in another spelling", fields: `"traits":{"Contact":{"EMAIL":"a@example.com"}}`, identifier: "a@example.com"},
		{name: "a key with a dot", fields: `"traits":{"contact.email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "a list at the end of a path", fields: `"traits":{"contact":{"email":["a@example.com"]}}`, identifier: "a@example.com"},
		{name: "the first key in properties before the second in traits", fields: `"traits":{"work_email":"b@example.com"},"properties":{"contact":{"email":"a@example.com"}}`, identifier: "a@example.com"},
		{name: "the second key", fields: `"traits":{"workEmail":"a@example.com"}`, identifier: "a@example.com"},
		{name: "an external ID", fields: `"context":{"externalId":[{"type":"email","id":"a@example.com"}]}`, identifier: "a@example.com"},
		{name: "the default key", fields: `"traits":{"email":"a@example.com"}`, says: none},
		{name: "a path through a list", fields: `"traits":{"contact":[{"email":"a@example.com"}]}`, says: none},
		{name: "a path to an object", fields: `"traits":{"contact":{"email":{"email":"a@example.com"}}}`, says: none},
	})
}

func TestDestination_phoneKeys(t *testing.T) {
	t.Parallel()
	const want = "+31600000042"
	cases := []identifierCase{
		{name: "an exact key", fields: `"traits":{"phone_number":"+31600000043"},"properties":{"phone":"+31600000042"}`, identifier: want},
		{name: "something else", fields: `"traits":{"telephone":"+31600000042","phoneModel":"+31600000042"}`, says: "the event does not have a phone number"},
	}
	for _, key := range []string{"PHONE", "Phone", "phoneNumber", "phone_number", "Phone Number", "PHONE_NUMBER", "$phone", "Phones"} {
		cases = append(cases, identifierCase{name: key, fields: `"traits":{"` + key + `":"+31 6 0000 0042"}`, identifier: want})
	}
	for i := range cases {
		cases[i].term = "31600000042"
	}
	runIdentifiers(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}, cases)
	runIdentifiers(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, PhoneKeys: []string{"mobile"}}, []identifierCase{
		{name: "a key of one's own", fields: `"traits":{"Mobile":"+31600000042","phone":"+31600000043"}`, identifier: want, term: "31600000042"},
	})
}

func TestDestination_nameKeys(t *testing.T) {
	t.Parallel()
	traits := func(fields string) string { return `"traits":{"email":"a@example.com",` + fields + `}` }
	own := trengo.DestinationConfig{NameKeys: []string{"profile.display"}, FirstNameKeys: []string{"voornaam"}, LastNameKeys: []string{"achternaam"}}
	for _, tt := range []struct {
		name, fields, want string
		cfg                trengo.DestinationConfig
	}{
		{name: "FIRST_NAME and LAST_NAME of a warehouse", fields: traits(`"FIRST_NAME":"Ann","LAST_NAME":"Lee"`), want: "Ann Lee"},
		{name: "FirstName and LastName of a CRM", fields: traits(`"FirstName":"Ann","LastName":"Lee"`), want: "Ann Lee"},
		{name: "First Name of a form", fields: traits(`"First Name":"Ann","Last Name":"Lee"`), want: "Ann Lee"},
		{name: "given_name and family_name of a login", fields: traits(`"given_name":"Ann","family_name":"Lee"`), want: "Ann Lee"},
		{name: "$first_name", fields: traits(`"$first_name":"Ann"`), want: "Ann"},
		{name: "NAME", fields: traits(`"NAME":"Ann Lee"`), want: "Ann Lee"},
		{name: "fullName", fields: traits(`"fullName":"Ann Lee"`), want: "Ann Lee"},
		{name: "Full Name", fields: traits(`"Full Name":"Ann Lee"`), want: "Ann Lee"},
		{name: "in context.traits", fields: traits(`"a":1`) + `,"context":{"traits":{"full_name":"Ann Lee"}}`, want: "Ann Lee"},
		{name: "name before fullName", fields: traits(`"fullName":"Bob"`) + `,"context":{"traits":{"name":"Ann"}}`, want: "Ann"},
		{name: "firstName before fullName and Name", fields: traits(`"fullName":"Bob","Name":"Bob","firstName":"Ann"`), want: "Ann"},
		{name: "fullName before First Name", fields: traits(`"fullName":"Ann Lee","First Name":"A."`), want: "Ann Lee"},
		{name: "an exact first name and another spelling of the last", fields: traits(`"firstName":"Ann","LAST_NAME":"Lee"`), want: "Ann Lee"},
		{name: "a word for nothing is skipped", fields: traits(`"name":"undefined","FULL_NAME":"Ann Lee"`), want: "Ann Lee"},
		{name: "never in properties", fields: traits(`"a":1`) + `,"properties":{"FIRST_NAME":"Desk","fullName":"Desk lamp"}`},
		{name: "names of something else", fields: traits(`"username":"ann","companyName":"Example","nameId":"x","middle_name":"B."`)},
		{name: "a list", fields: traits(`"names":["Bob"]`)},
		{name: "a configured path", fields: traits(`"profile":{"display":"Ann Lee"},"name":"Bob"`), want: "Ann Lee", cfg: own},
		{name: "configured parts", fields: traits(`"Voornaam":"Ann","achternaam":"Lee","firstName":"Bob"`), want: "Ann Lee", cfg: own},
		{name: "a path in properties", fields: traits(`"a":1`) + `,"properties":{"profile":{"display":"Bob"}}`, cfg: own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t)
			tt.cfg.AllowDuplicates = true
			if _, err := f.NewWarmDestination(tt.cfg).Process(t.Context(), fixtures.ParseEvent(t, fixtures.IdentifyJSON(tt.fields))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{fixtures.CreateLine(fixtures.EmailChannel, "a@example.com", tt.want)}, f.RequestLines()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// The traits of some senders' track events are those of an agent.
func TestDestination_trackPropertiesFirst(t *testing.T) {
	t.Parallel()
	cfg := trengo.DestinationConfig{TrackPropertiesFirst: true, CreateMissingContacts: true}
	both := func(traits, properties string) string {
		return `"context":{"traits":` + traits + `},"properties":` + properties
	}
	ticket := func(id int64) trengo.Result {
		return trengo.Result{Action: trengo.ActionTicketCreated, ContactID: id, TicketID: fixtures.FirstTicket}
	}
	found := func(term string, id int64) []string {
		return []string{fixtures.SearchLine(term), fixtures.TicketLine(id, fixtures.EmailChannel, fixtures.EventSubject)}
	}
	created := func(name string) []string {
		return []string{
			fixtures.SearchLine("cy%40example.com"), fixtures.CreateLine(fixtures.EmailChannel, "cy@example.com", name),
			fixtures.TicketLine(fixtures.FirstContact, fixtures.EmailChannel, fixtures.EventSubject),
		}
	}
	const agent = `{"email":"agent@example.com","name":"Agent"}`
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "by default the traits come first", Event: fixtures.TrackJSON(both(agent, `{"email":"ann@example.com"}`)), Want: ticket(12), Requests: found("agent%40example.com", 12)},
		{Name: "properties come first", Config: cfg, Event: fixtures.TrackJSON(both(agent, `{"email":"ann@example.com"}`)), Want: ticket(11), Requests: found("ann%40example.com", 11)},
		{Name: "the exact key in traits before other spellings in properties", Config: cfg, Event: fixtures.TrackJSON(both(`{"email":"ann@example.com"}`, `{"EMAIL":"agent@example.com"}`)), Want: ticket(11), Requests: found("ann%40example.com", 11)},
		{Name: "traits without properties", Config: cfg, Event: fixtures.TrackJSON(both(`{"email":"ann@example.com"}`, `{}`)), Want: ticket(11), Requests: found("ann%40example.com", 11)},
		{Name: "a type in capitals", Config: cfg, Event: `{"type":" TRACK","event":"Ordered",` + both(agent, `{"email":"ann@example.com"}`) + `}`, Want: ticket(11), Requests: found("ann%40example.com", 11)},
		{
			Name: "identify events are not affected", Config: cfg, Event: fixtures.IdentifyJSON(both(`{"email":"ann@example.com"}`, `{"email":"agent@example.com"}`)),
			Want: trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11}, Requests: []string{fixtures.SearchLine("ann%40example.com")},
		},
		{Name: "a new customer does not get the agent's name", Config: cfg, Event: fixtures.TrackJSON(both(agent, `{"email":"cy@example.com"}`)), Want: ticket(fixtures.FirstContact), Requests: created("")},
		{Name: "a new customer gets the own name", Config: cfg, Event: fixtures.TrackJSON(both(`{"Email":"CY@example.com","name":"Cy"}`, `{"email":"cy@example.com"}`)), Want: ticket(fixtures.FirstContact), Requests: created("Cy")},
		{Name: "a name without any other identifier", Config: cfg, Event: fixtures.TrackJSON(both(`{"name":"Cy"}`, `{"email":"cy@example.com"}`)), Want: ticket(fixtures.FirstContact), Requests: created("Cy")},
	}, fixtures.EmailContact(11, "Ann", "ann@example.com"), fixtures.EmailContact(12, "Agent", "agent@example.com"))
}

// RudderStack has filtered live events. Those of an archive are as they were sent.
func TestDestination_honorIntegrationsAll(t *testing.T) {
	t.Parallel()
	honor := trengo.DestinationConfig{HonorIntegrationsAll: true}
	identified := trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11}
	search := []string{fixtures.SearchLine("ann%40example.com")}
	off := trengo.Result{Action: trengo.ActionSkipped, Reason: "integrations.All is false"}
	switchedOff := trengo.Result{Action: trengo.ActionSkipped, Reason: "integrations.Trengo is false"}
	event := func(integrations string) string {
		return fixtures.IdentifyJSON(`"integrations":` + integrations + `,"traits":{"email":"ann@example.com"}`)
	}
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "a live event", Event: event(`{"All":false}`), Want: identified, Requests: search},
		{Name: "All off", Config: honor, Event: event(`{"All":false}`), Want: off},
		{Name: "All off and others on", Config: honor, Event: event(`{"All":false,"Zendesk":true,"trengo":true}`), Want: off},
		{Name: "All off for another type", Config: honor, Event: `{"type":"page","integrations":{"All":false}}`, Want: off},
		{Name: "All off and Trengo null", Config: honor, Event: event(`{"All":false,"Trengo":null}`), Want: off},
		{Name: "All off and Trengo text", Config: honor, Event: event(`{"All":false,"Trengo":"true"}`), Want: off},
		{Name: "All off and Trengo off", Config: honor, Event: event(`{"All":false,"Trengo":false}`), Want: switchedOff},
		{Name: "All on and Trengo off", Config: honor, Event: event(`{"All":true,"Trengo":false}`), Want: switchedOff},
		{Name: "All off and Trengo on", Config: honor, Event: event(`{"All":false,"Trengo":true}`), Want: identified, Requests: search},
		{Name: "All off and Trengo with options", Config: honor, Event: event(`{"All":false,"Trengo":{}}`), Want: identified, Requests: search},
		{Name: "All on", Config: honor, Event: event(`{"All":true}`), Want: identified, Requests: search},
		{Name: "All null", Config: honor, Event: event(`{"All":null}`), Want: identified, Requests: search},
		{Name: "nothing said", Config: honor, Event: event(`{}`), Want: identified, Requests: search},
		{Name: "All off in another case", Config: honor, Event: event(`{"all":false}`), Err: trengo.ErrInvalidEvent},
		{Name: "All off in another case, and Trengo on", Config: honor, Event: event(`{"ALL":false,"Trengo":true}`), Want: identified, Requests: search},
		{Name: "All on, and off in another case", Config: honor, Event: event(`{"All":true,"all":false}`), Want: identified, Requests: search},
		{Name: "All off in another case in a live event", Event: event(`{"all":false}`), Want: identified, Requests: search},
	}, fixtures.EmailContact(11, "Ann", "ann@example.com"))
}

func TestDestination_trustOverrides(t *testing.T) {
	t.Parallel()
	trust := func(what trengo.TrustOverrides, channels ...int64) trengo.DestinationConfig {
		return trengo.DestinationConfig{TrustOverrides: what, AllowedChannels: channels}
	}
	const ann = `"traits":{"email":"ann@example.com","name":"Mallory"}`
	const contact = `{"type":"trengoContactId","id":12}`
	const otherChannel = `{"type":"trengoChannelId","id":405981}`
	const ownChannel = `{"type":"trengoChannelId","id":"405980"}`
	external := func(entries string) string { return ann + `,"context":{"externalId":[` + entries + `]}` }
	byID := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 12, TicketID: fixtures.FirstTicket}
	bySearch := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	ticket := func(id, channel int64) string { return fixtures.TicketLine(id, channel, fixtures.EventSubject) }
	search := fixtures.SearchLine("ann%40example.com")
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "both by default", Event: fixtures.TrackJSON(external(contact + "," + otherChannel)), Want: byID, Requests: []string{ticket(12, fixtures.OtherEmailChannel)}},
		{Name: "both", Config: trust(trengo.TrustOverridesBoth), Event: fixtures.TrackJSON(external(contact + "," + otherChannel)), Want: byID, Requests: []string{ticket(12, fixtures.OtherEmailChannel)}},

		{Name: "none, a contact", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(external(contact)), Err: trengo.ErrInvalidEvent},
		{Name: "none, an identify event that names a contact", Config: trust(trengo.TrustOverridesNone), Event: fixtures.IdentifyJSON(external(contact)), Err: trengo.ErrInvalidEvent},
		{Name: "none, a contact in the list of Segment", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(ann + `,"context":{"externalIds":[` + contact + `]}`), Err: trengo.ErrInvalidEvent},
		{Name: "none, a channel", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(external(otherChannel)), Err: trengo.ErrInvalidEvent},
		{Name: "none, the channel of the config", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(external(ownChannel)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.EmailChannel)}},
		{Name: "none, empty IDs", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(external(`{"type":"trengoContactId","id":""},{"type":"trengoChannelId","id":null}`)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.EmailChannel)}},
		{Name: "none, IDs of others", Config: trust(trengo.TrustOverridesNone), Event: fixtures.TrackJSON(external(`{"type":"hubspotId","id":12}`)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.EmailChannel)}},
		{
			Name: "none, an event that is skipped anyway", Config: trust(trengo.TrustOverridesNone), Event: `{"type":"page",` + external(contact) + `}`,
			Want: trengo.Result{Action: trengo.ActionSkipped, Reason: "neither identify nor track"},
		},

		{Name: "channel, a channel", Config: trust(trengo.TrustOverridesChannel), Event: fixtures.TrackJSON(external(otherChannel)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.OtherEmailChannel)}},
		{Name: "channel, a contact", Config: trust(trengo.TrustOverridesChannel), Event: fixtures.TrackJSON(external(contact + "," + otherChannel)), Err: trengo.ErrInvalidEvent},
		{Name: "contact, a contact", Config: trust(trengo.TrustOverridesContact), Event: fixtures.TrackJSON(external(contact)), Want: byID, Requests: []string{ticket(12, fixtures.EmailChannel)}},
		{Name: "contact, a channel", Config: trust(trengo.TrustOverridesContact), Event: fixtures.TrackJSON(external(contact + "," + otherChannel)), Err: trengo.ErrInvalidEvent},

		{Name: "an allowed channel", Config: trust("", fixtures.OtherEmailChannel), Event: fixtures.TrackJSON(external(otherChannel)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.OtherEmailChannel)}},
		{Name: "the channel of the config is always allowed", Config: trust("", fixtures.OtherEmailChannel), Event: fixtures.TrackJSON(external(ownChannel)), Want: bySearch, Requests: []string{search, ticket(11, fixtures.EmailChannel)}},
		{Name: "a channel that is not allowed", Config: trust("", 7, 8), Event: fixtures.TrackJSON(external(otherChannel)), Err: trengo.ErrInvalidEvent},
		{Name: "a channel that is not allowed, and a contact", Config: trust(trengo.TrustOverridesBoth, 7), Event: fixtures.TrackJSON(external(contact + "," + otherChannel)), Err: trengo.ErrInvalidEvent},
	}, fixtures.EmailContact(11, "Ann", "ann@example.com"), fixtures.EmailContact(12, "Bob", "bob@example.com"))
}

// What is not trusted says so, without the ID.
func TestDestination_trustOverrides_text(t *testing.T) {
	t.Parallel()
	ev := fixtures.OnChannel(fixtures.ForContact(fixtures.Track("m-1", "ann@example.com"), 5), 7)
	for want, cfg := range map[string]trengo.DestinationConfig{
		"trengoContactId in context.externalId is not trusted: see DestinationConfig.TrustOverrides":  {TrustOverrides: trengo.TrustOverridesChannel},
		"trengoChannelId in context.externalId is not trusted: see DestinationConfig.TrustOverrides":  {TrustOverrides: trengo.TrustOverridesContact},
		"trengoChannelId in context.externalId is not trusted: see DestinationConfig.AllowedChannels": {AllowedChannels: []int64{8}},
	} {
		f := fixtures.New(t)
		_, err := f.NewDestination(cfg).Process(t.Context(), ev)
		if diff := cmp.Diff("trengo: invalid event: "+want, testkit.ErrorText(err)); diff != "" || trengo.Retryable(err) {
			t.Errorf("error, retryable %t (-want +got):\n%s", trengo.Retryable(err), diff)
		}
		if lines := f.RequestLines(); lines != nil {
			t.Errorf("requests %q", lines)
		}
	}
}
