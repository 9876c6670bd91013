package trengo_test

import (
	"testing"
	"testing/synctest"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A part of a name does not replace what may be the whole name of a contact.
func TestDestination_partOfAName(t *testing.T) {
	t.Parallel()
	const email = "ann@example.com"
	phoneConfig := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	named := func(name string) []trengotest.Contact {
		return []trengotest.Contact{fixtures.EmailContact(11, name, email)}
	}
	phone := func(name string) []trengotest.Contact {
		return []trengotest.Contact{{ID: 11, Name: name, Phone: "+31600000042"}}
	}
	search, searchPhone := fixtures.SearchLine("ann%40example.com"), fixtures.SearchLine("31600000042")
	unchanged := trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11}
	updated := trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11}
	identify := func(names string) string {
		return fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","phone":"+31600000042",` + names + `}`)
	}
	named11 := `"context":{"externalId":[{"type":"trengoContactId","id":11}]}`

	var cases []fixtures.EventCase
	for what, names := range map[string]string{
		"a first name":                   `"firstName":"Ann"`,
		"a last name":                    `"lastName":"Smith"`,
		"a first name without case":      `"first_name":"Ann"`,
		"a first name and an empty last": `"firstName":"Ann","lastName":" "`,
		"a first name and undefined":     `"firstName":"Ann","lastName":"undefined"`,
		"a last name and null":           `"firstName":"null","lastName":"Smith"`,
		"a name that ends in undefined":  `"name":"Ann undefined"`,
		"a name that begins with null":   `"name":"null Smith"`,
		"a part of a name and a part":    `"name":"undefined Smith","firstName":"Ann"`,
	} {
		cases = append(cases,
			fixtures.EventCase{
				Name: what + " leaves a name as it is", Contacts: named("Ann Lee"),
				Event: identify(names), Want: unchanged, Requests: []string{search},
			},
			fixtures.EventCase{
				Name: what + " leaves a name on a phone channel as it is", Config: phoneConfig, Contacts: phone("Ann Lee"),
				Event: identify(names), Want: unchanged, Requests: []string{searchPhone},
			},
			fixtures.EventCase{
				Name: what + " leaves the unknown name of a named contact as it is", Contacts: named("Ann Lee"),
				Event: fixtures.IdentifyJSON(`"traits":{` + names + `},` + named11), Want: unchanged,
			},
		)
	}
	for what, current := range map[string]string{
		"is empty": "", "is blank": " \u200b", "is the email": "ann@example.com", "is the email in another case": " Ann@Example.com ",
		"is words for a missing name": "null null",
	} {
		cases = append(cases, fixtures.EventCase{
			Name: "a first name is written if the name " + what, Contacts: named(current),
			Event: identify(`"firstName":"Ann"`), Want: updated, Requests: []string{search, fixtures.RenameLine(11, "Ann")},
		})
	}
	for what, current := range map[string]string{
		"is empty": "", "is the phone number": "+31600000042", "is the phone number in another spelling": "0031 6 0000 0042", "is its digits": "31600000042",
	} {
		cases = append(cases, fixtures.EventCase{
			Name: "on a phone channel a last name is written if the name " + what, Config: phoneConfig, Contacts: phone(current),
			Event: identify(`"lastName":"Lee"`), Want: updated, Requests: []string{searchPhone, fixtures.RenameLine(11, "Lee")},
		})
	}
	for what, current := range map[string]string{"an email": "joann@example.com", "a phone number": "+31600000042", "a digit": "1"} {
		cases = append(cases, fixtures.EventCase{
			Name: "a first name does not replace " + what + " of somebody else", Contacts: named(current),
			Event: identify(`"firstName":"Ann"`), Want: unchanged, Requests: []string{search},
		})
	}
	cases = append(cases,
		fixtures.EventCase{
			Name: "both parts are a name", Contacts: named("Ann Lee"),
			Event: identify(`"firstName":"Ann","lastName":"Smith"`), Want: updated, Requests: []string{search, fixtures.RenameLine(11, "Ann Smith")},
		},
		fixtures.EventCase{
			Name: "both parts come before a part of a name", Contacts: named("Ann Lee"),
			Event: identify(`"name":"Ann undefined","firstName":"Ann","lastName":"Smith"`), Want: updated, Requests: []string{search, fixtures.RenameLine(11, "Ann Smith")},
		},
		fixtures.EventCase{
			Name: "a name of one word is a name", Contacts: named("Ann Lee"),
			Event: identify(`"name":"Ann"`), Want: updated, Requests: []string{search, fixtures.RenameLine(11, "Ann")},
		},
		fixtures.EventCase{
			Name: "a part of a name creates a contact", Event: identify(`"firstName":"Ann"`),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: []string{search, fixtures.CreateLine(fixtures.EmailChannel, email, "Ann")},
		},
		fixtures.EventCase{
			Name: "a part that is the name changes nothing", Contacts: named("Ann"),
			Event: identify(`"firstName":"Ann"`), Want: unchanged, Requests: []string{search},
		},
		fixtures.EventCase{
			Name: "a named contact gets both parts", Contacts: named("Ann Lee"),
			Event: fixtures.IdentifyJSON(`"traits":{"firstName":"Ann","lastName":"Smith"},` + named11), Want: updated, Requests: []string{fixtures.RenameLine(11, "Ann Smith")},
		},
	)
	fixtures.RunEventCases(t, cases)
}

func part(messageID, key, value string) *trengo.Event {
	ev := fixtures.Identify(messageID, fixtures.AnnEmail, "")
	ev.Traits[key] = value
	return ev
}

// What is remembered of a name decides as the name itself would.
func TestDestination_partOfAName_remembered(t *testing.T) {
	const ann = fixtures.FirstContact + 1 // created after the contact of WarmUp
	for name, steps := range map[string][]cacheStep{
		"the parts of a name do not replace each other": {
			process("search, create", part("1", "firstName", "Ann")),
			process("", part("2", "lastName", "Smith")),
			process("", part("3", "firstName", "Ann")),
			process("rename", fixtures.Identify("4", fixtures.AnnEmail, "Ann Smith")),
			process("", part("5", "firstName", "Anna")),
		},
		"a contact without a name gets the first part that comes": {
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "")),
			process("rename", part("2", "lastName", "Smith")),
			process("", part("3", "firstName", "Ann")),
		},
		"a contact that was named like its email gets a part": {
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann@Example.com")),
			process("rename", part("2", "firstName", "Ann")),
		},
		"a named contact that got no name keeps what it has": {
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann Lee")),
			process("", fixtures.ForContact(part("2", "firstName", "Ann"), ann)),
		},
		"an empty name that may have changed is not empty": {
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "")),
			{"rename", func(d *fixtures.Deployment) {
				d.FailNext("rename", trengotest.LostAfter())
				d.MustFail(fixtures.Identify("2", fixtures.AnnEmail, "Ann Lee"), trengo.ErrOutcomeUnknown)
			}},
			process("", part("3", "firstName", "Ann")),
			process("rename", fixtures.Identify("2", fixtures.AnnEmail, "Ann Lee")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				for i, step := range steps {
					step.act(d)
					if sent := d.Sent(); sent != step.sent {
						t.Errorf("step %d sent %q, want %q", i+1, sent, step.sent)
					}
				}
			})
		})
	}
}
