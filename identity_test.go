package trengo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

// An identityCase is an event of a person whom Trengo does not know: it is
// searched and then created with the identifier, or refused.
type identityCase struct {
	name   string
	fields string // of the event
	// identifier is what a create sends. The search is for term; empty: the
	// identifier.
	identifier, term string
	says             string // why there is no identifier
}

func runIdentities(t *testing.T, cfg trengo.DestinationConfig, cases []identityCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newTrengo()
			ev := mustParse(t, identifyEvent(tt.fields))
			_, err := destinationOn(t, srv, cfg).Process(t.Context(), ev)
			if tt.says != "" {
				if !errors.Is(err, trengo.ErrMissingIdentifier) || trengo.Retryable(err) {
					t.Errorf("error is %v, want a permanent ErrMissingIdentifier", err)
				}
				if diff := cmp.Diff("trengo: missing identifier: "+tt.says, errorText(err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if lines := requestLines(srv); lines != nil {
					t.Errorf("requests %q", lines)
				}
				mustTellNothing(t, err, ev, nil)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			term := tt.term
			if term == "" {
				term = tt.identifier
			}
			channel := withDefaults(cfg).ChannelID
			want := []string{searchOf(strings.ReplaceAll(term, "@", "%40")), createOf(channel, tt.identifier, "")}
			if diff := cmp.Diff(want, requestLines(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDestination_email(t *testing.T) {
	t.Parallel()
	const none = "the event has no email"
	const unusable = "the email has no text on both sides of one @"
	bad := func(name, email string) identityCase {
		return identityCase{name: name, fields: `"traits":{"email":` + email + `}`, says: unusable}
	}
	absent := func(name, email string) identityCase {
		return identityCase{name: name, fields: `"traits":{"email":` + email + `}`, says: none}
	}
	runIdentities(t, trengo.DestinationConfig{}, []identityCase{
		{name: "in traits", fields: `"traits":{"email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "in context.traits", fields: `"context":{"traits":{"email":"a@example.com"}}`, identifier: "a@example.com"},
		{name: "in properties", fields: `"properties":{"email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "traits come first", fields: `"properties":{"email":"p@example.com"},"context":{"traits":{"email":"c@example.com"}},"traits":{"email":"t@example.com"}`, identifier: "t@example.com"},
		{name: "context.traits come second", fields: `"properties":{"email":"p@example.com"},"context":{"traits":{"email":"c@example.com"}},"traits":{"phone":"5"}`, identifier: "c@example.com"},
		{name: "what is not usable is passed over", fields: `"traits":{"email":"ann at example"},"context":{"traits":{"email":"@"}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "what is no text is passed over", fields: `"traits":{"email":{"x":"t@example.com"}},"context":{"traits":{"email":["c@example.com"]}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "null, blanks and bools are passed over", fields: `"traits":{"email":null},"context":{"traits":{"email":"  "}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "between blanks", fields: `"traits":{"email":" \ta@example.com\n"}`, identifier: "a@example.com"},
		{name: "between blanks beyond ASCII", fields: `"traits":{"email":"\u00a0a@example.com\u2003"}`, identifier: "a@example.com"},
		{name: "in other case", fields: `"traits":{"email":"Ann.Lee@EXAMPLE.Com"}`, identifier: "ann.lee@example.com"},
		{name: "with a plus", fields: `"traits":{"email":"a+b@example.com"}`, identifier: "a+b@example.com", term: "a%2Bb@example.com"},
		{name: "without a dot behind the @", fields: `"traits":{"email":"a@localhost"}`, identifier: "a@localhost"},

		bad("no @", `"example.com"`),
		bad("an @ alone", `"@"`),
		bad("nothing before the @", `"@example.com"`),
		bad("blanks before the @", `"  @example.com"`),
		bad("nothing behind the @", `"ann@"`),
		bad("blanks behind the @", `"ann@  "`),
		bad("two @", `"ann@lee@example.com"`),
		bad("two @ together", `"ann@@example.com"`),
		bad("an @ at the end", `"ann@example.com@"`),
		bad("a number", `31600000042`),
		absent("null", `null`),
		absent("empty", `""`),
		absent("blank", `" \t"`),
		absent("a bool", `true`),
		absent("an array", `["a@example.com"]`),
		absent("an object", `{"email":"a@example.com"}`),
		{name: "an unusable one is named, though others are missing", fields: `"traits":{"email":"ann"},"properties":{"email":null}`, says: unusable},
		{name: "nowhere", fields: `"traits":{"name":"Ann Lee"}`, says: none},
		{name: "a key in other case", fields: `"traits":{"Email":"a@example.com","EMAIL":"a@example.com","e-mail":"a@example.com"}`, says: none},
		{name: "a user id is no e-mail", fields: `"userId":"a@example.com","anonymousId":"a@example.com"`, says: none},
		{name: "an external id is no e-mail", fields: `"context":{"externalId":[{"type":"email","id":"a@example.com"}]}`, says: none},
		{name: "a nested one", fields: `"context":{"traits":{"company":{"email":"a@example.com"}},"email":"a@example.com"}`, says: none},
		{name: "a phone", fields: `"traits":{"phone":"+31600000042"}`, says: none},
	})
}

func TestDestination_phone(t *testing.T) {
	t.Parallel()
	const none = "the event has no phone"
	const national = "the phone is in national form, which makes a broken contact: see DestinationConfig.NormalizePhone"
	const length = "the phone has not 7 to 15 digits"
	phone := func(name, value, identifier string) identityCase {
		return identityCase{
			name: name, fields: `"traits":{"phone":` + value + `}`,
			identifier: identifier, term: strings.TrimPrefix(identifier, "+"),
		}
	}
	bad := func(name, value, says string) identityCase {
		return identityCase{name: name, fields: `"traits":{"phone":` + value + `}`, says: says}
	}
	runIdentities(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}, []identityCase{
		phone("with marks before the plus", `"\u202a+31600000042\u202c"`, "+31600000042"),
		phone("with a plus in brackets", `"(+31) 6 0000 0042"`, "+31600000042"),
		bad("a number with a fraction", `3160000004.5`, none),
		bad("a negative number", `-31600000042`, none),
		bad("a number too long to be written out", `1e30`, none),
		phone("with a plus", `"+31600000042"`, "+31600000042"),
		phone("with 00", `"0031600000042"`, "+31600000042"),
		phone("with neither", `"31600000042"`, "31600000042"),
		phone("a number", `31600000042`, "31600000042"),
		phone("a number with an exponent", `3.1600000042e10`, "31600000042"),
		phone("with blanks", `" +31 6 0000 0042\t"`, "+31600000042"),
		phone("with blanks beyond ASCII", `"+31\u00a06\u202f0000\u20090042"`, "+31600000042"),
		phone("with hyphens, points, slashes and brackets", `"+31-(6)0.000/0042"`, "+31600000042"),
		phone("with the hyphens of a text processor", `"+31\u20116\u20130000\u20100042"`, "+31600000042"),
		phone("with marks that nobody sees", `"+31\u200b600000042\u202c"`, "+31600000042"),
		phone("with (0)", `"+31 (0)6 0000 0042"`, "+31600000042"),
		phone("with 00 and (0)", `"00 31 (0) 6 00000042"`, "+31600000042"),
		phone("with 00 and (0) together", `"0031(0)600000042"`, "+31600000042"),
		phone("with 00 in blanks", `"0 0 31600000042"`, "+31600000042"),
		phone("of 7 digits", `"+1234567"`, "+1234567"),
		phone("of 15 digits", `"123456789012345"`, "123456789012345"),
		phone("of 15 digits behind 00", `"00123456789012345"`, "+123456789012345"),
		{name: "in context.traits", fields: `"context":{"traits":{"phone":"+31600000042"}}`, identifier: "+31600000042", term: "31600000042"},
		{name: "in properties", fields: `"properties":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "traits come first", fields: `"properties":{"phone":"+31600000043"},"context":{"traits":{"phone":"+31600000044"}},"traits":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "what is not usable is passed over", fields: `"traits":{"phone":"06 00000042"},"context":{"traits":{"phone":"call me"}},"properties":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},

		bad("in national form", `"0600000042"`, national),
		bad("in national form, with (0)", `"(0)6 0000 0042"`, national),
		bad("in national form behind a plus", `"+0600000042"`, national),
		bad("in national form behind 00", `"000600000042"`, national),
		bad("00 behind a plus", `"+0031600000042"`, national),
		bad("a short national form", `"0123"`, national),
		bad("6 digits", `"+123456"`, length),
		bad("6 digits behind 00", `"00123456"`, length),
		bad("16 digits", `"1234567890123456"`, length),
		bad("no digits", `"+"`, length),
		bad("00 alone", `"00"`, length),
		bad("letters", `"+31 6 CALL ANN"`, length),
		bad("a letter behind the digits", `"+31600000042x"`, length),
		bad("a plus between the digits", `"31+600000042"`, length),
		bad("two phones", `"+31600000042,+31600000043"`, length),
		bad("digits of another script", `"+٣١٦٠٠٠٤"`, length),
		bad("null", `null`, none),
		bad("blank", `"  "`, none),
		bad("a bool", `true`, none),
		bad("an object", `{"number":"+31600000042"}`, none),
		{name: "nowhere", fields: `"traits":{"name":"Ann Lee"}`, says: none},
		{name: "an e-mail", fields: `"traits":{"email":"ann@example.com"}`, says: none},
		{name: "an external id", fields: `"context":{"externalId":[{"type":"phone","id":"+31600000042"}]}`, says: none},
		{name: "the last unusable one is named", fields: `"traits":{"phone":"5"},"properties":{"phone":"0600000042"}`, says: national},
	})
}

func TestDestination_normalizePhone(t *testing.T) {
	t.Parallel()
	const length = "the phone has not 7 to 15 digits"
	dutch := func(phone string) string {
		if national, ok := strings.CutPrefix(phone, "0"); ok {
			return "+31 " + national
		}
		switch phone {
		case "nothing":
			return ""
		case "between blanks":
			return "\t+31600000042\n"
		}
		return phone
	}
	runIdentities(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, NormalizePhone: dutch}, []identityCase{
		{name: "a national form", fields: `"traits":{"phone":"06 0000 0042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "a form that it leaves alone", fields: `"traits":{"phone":"32 600000042"}`, identifier: "32600000042"},
		{name: "a number", fields: `"traits":{"phone":600000042}`, identifier: "600000042"},
		{name: "it returns a phone between blanks", fields: `"traits":{"phone":"between blanks"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "it returns nothing", fields: `"traits":{"phone":"nothing"}`, says: length},
		{name: "it returns nothing for the first source", fields: `"traits":{"phone":"nothing"},"properties":{"phone":"0600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "it returns what is no phone", fields: `"traits":{"phone":"call me"}`, says: length},
	})
	runIdentities(t, trengo.DestinationConfig{NormalizePhone: func(string) string { panic("asked about an e-mail") }}, []identityCase{
		{name: "it is not asked about e-mails", fields: `"traits":{"email":"a@example.com","phone":"5"}`, identifier: "a@example.com"},
	})
}

type kindOfText string

// Events made in Go code may hold any type of text and number.
func TestDestination_identifiersMadeByHand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phone any
		want  string
	}{
		"int":           {31600000042, "31600000042"},
		"int32":         {int32(1600000042), "1600000042"},
		"uint64":        {uint64(31600000042), "31600000042"},
		"float64":       {31600000042.0, "31600000042"},
		"large float64": {123456789012345.0, "123456789012345"},
		"float32":       {float32(16777216), "16777216"},
		"own text":      {kindOfText(" +31600000042 "), "+31600000042"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			destination := destinationOn(t, newTrengo(), trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone})
			ev := &trengo.Event{Type: "identify", Properties: map[string]any{"phone": tt.phone}}
			plan, err := destination.Plan(t.Context(), ev)
			if err != nil || len(plan.Writes) != 1 {
				t.Fatalf("%+v with %v", plan, err)
			}
			if diff := cmp.Diff(createOf(phoneChannel, tt.want, ""), requestLine(plan.Writes[0].Method, plan.Writes[0].Path, nil, plan.Writes[0].Body)); diff != "" {
				t.Errorf("write (-want +got):\n%s", diff)
			}
		})
	}
	for name, phone := range map[string]any{
		"bytes": []byte("+31600000042"), "nil pointer": (*string)(nil), "struct": struct{}{}, "function": func() {}, "NaN": nan(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			destination := destinationOn(t, newTrengo(), trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone})
			ev := &trengo.Event{Type: "identify", Traits: map[string]any{"phone": phone}}
			if _, err := destination.Plan(t.Context(), ev); !errors.Is(err, trengo.ErrMissingIdentifier) {
				t.Errorf("error is %v, want ErrMissingIdentifier", err)
			}
		})
	}
}

func nan() float64 {
	var zero float64
	return zero / zero
}

func TestDestination_name(t *testing.T) {
	t.Parallel()
	const mail = `"email":"a@example.com"`
	traits := func(fields string) string { return `"traits":{` + mail + `,` + fields + `}` }
	both := func(fields, inContext string) string {
		return traits(fields) + `,"context":{"traits":{` + inContext + `}}`
	}
	for _, tt := range []struct{ name, fields, want string }{
		{"a name", traits(`"name":"Ann Lee"`), "Ann Lee"},
		{"a name in context.traits", `"context":{"traits":{` + mail + `,"name":"Ann Lee"}}`, "Ann Lee"},
		{"a name between blanks", traits(`"name":" Ann  Lee\n"`), "Ann  Lee"},
		{"a name with characters of HTML", traits(`"name":"Ann <b> & 'Lee'"`), "Ann <b> & 'Lee'"},
		{"a name before its parts", traits(`"name":"Ann Lee","firstName":"X","lastName":"Y"`), "Ann Lee"},
		{"a first name alone", traits(`"firstName":"Ann"`), "Ann"},
		{"a last name alone", traits(`"lastName":"Lee"`), "Lee"},
		{"both parts", traits(`"firstName":" Ann ","lastName":" Lee "`), "Ann Lee"},
		{"both parts in lower case", traits(`"firstname":"Ann","lastname":"Lee"`), "Ann Lee"},
		{"both parts with underscores", traits(`"first_name":"Ann","last_name":"Lee"`), "Ann Lee"},
		{"all spellings of the first name", traits(`"first_name":"3","firstname":"2","firstName":"1"`), "1"},
		{"two spellings of the first name", traits(`"first_name":"3","firstname":"2"`), "2"},
		{"all spellings of the last name", traits(`"last_name":"3","lastname":"2","lastName":"1"`), "1"},
		{"two spellings of the last name", traits(`"last_name":"3","lastname":"2"`), "2"},
		{"a blank spelling is passed over", traits(`"firstName":" ","first_name":"Ann"`), "Ann"},
		{"traits before context.traits", both(`"name":"Ann"`, `"name":"Bob"`), "Ann"},
		{"parts from both places", both(`"firstName":"Ann"`, `"firstName":"Bob","lastName":"Lee"`), "Ann Lee"},
		{"any spelling in traits before context.traits", both(`"first_name":"Ann"`, `"firstName":"Bob"`), "Ann"},
		{"a name in context.traits before parts in traits", both(`"firstName":"Ann","lastName":"Lee"`, `"name":"A. Lee"`), "A. Lee"},
		{"a blank name is passed over", both(`"name":" ","firstName":"Ann"`, `"name":""`), "Ann"},
		{"a name that is null is passed over", traits(`"name":null,"lastName":"Lee"`), "Lee"},
		{"a name that is an object is passed over", both(`"name":{"first":"X"}`, `"name":"Ann Lee"`), "Ann Lee"},
		{"a name that is an array is passed over", traits(`"name":["X"],"firstName":"Ann"`), "Ann"},
		{"a name that is a bool is passed over", traits(`"name":true,"firstName":false,"lastName":"Lee"`), "Lee"},
		{"a name that is a number", traits(`"name":42`), "42"},
		{"parts that are numbers", traits(`"firstName":1e3,"lastName":9007199254740993`), "1000 9007199254740993"},
		{"nothing", traits(`"company":"Example"`), ""},
		{"blanks alone", traits(`"name":"","firstName":" ","lastName":"\t"`), ""},
		{"a key in other case", traits(`"Name":"Ann","FirstName":"Ann","LASTNAME":"Lee","full_name":"Ann Lee"`), ""},
		{"a name in properties", traits(`"a":1`) + `,"properties":{"name":"Desk lamp","firstName":"Desk"}`, ""},
		{"the name of a company", traits(`"company":{"name":"Example"}`), ""},
		{"a user id", traits(`"a":1`) + `,"userId":"Ann Lee"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newTrengo()
			if _, err := destinationOn(t, srv, trengo.DestinationConfig{AllowDuplicates: true}).Process(t.Context(), mustParse(t, identifyEvent(tt.fields))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{createOf(mailChannel, "a@example.com", tt.want)}, requestLines(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
