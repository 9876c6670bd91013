package trengo

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
)

// ContactsService groups the contact calls; use [Client.Contacts].
type ContactsService service

// List returns the contacts; without a term, the newest first. It reads a page
// when the loop reaches it, one request each, and stops after the first error.
// The sequence can be used again, which reads again.
//
// Trengo API: GET /contacts
func (s *ContactsService) List(ctx context.Context, opts ContactListOptions) iter.Seq2[*Contact, error] {
	return list[Contact](ctx, (*service)(s), contactsPath, opts.query())
}

// Get returns a contact, or [ErrNotFound].
//
// Trengo API: GET /contacts/{id}
func (s *ContactsService) Get(ctx context.Context, id int64) (*Contact, error) {
	return send[Contact](ctx, (*service)(s), Request{Path: resourcePath(contactsPath, id)})
}

// Create creates a contact on a channel. If a contact with that identifier
// exists, Trengo returns it instead, with its own name; the response does not
// distinguish the two. Trengo matches emails reliably but may create
// duplicates for phone numbers. Therefore a call with a phone number is not
// repeated when the outcome of an attempt is unknown: it ends with
// [ErrOutcomeUnknown]. Trengo may store a phone number in another form: compare
// what you get. An unknown channel is [ErrNotFound].
//
// Trengo API: POST /channels/{id}/contacts
func (s *ContactsService) Create(ctx context.Context, in ContactCreateParams) (*Contact, error) {
	return send[Contact](ctx, (*service)(s), Request{
		Method:     http.MethodPost,
		Path:       channelContactsPath(in.ChannelID),
		Body:       in,
		Repeatable: strings.Contains(in.Identifier, "@"),
	})
}

// Update changes a contact. Its email and phone number cannot be changed. An
// unknown contact is [ErrNotFound].
//
// Trengo API: PUT /contacts/{id}
func (s *ContactsService) Update(ctx context.Context, id int64, in ContactUpdateParams) (*Contact, error) {
	return send[Contact](ctx, (*service)(s), Request{
		Method: http.MethodPut,
		Path:   resourcePath(contactsPath, id),
		Body:   in,
	})
}

// Delete deletes a contact. An unknown contact is [ErrNotFound], and so is one
// that an earlier attempt of the same call deleted before its response was
// lost.
//
// Trengo API: DELETE /contacts/{id}
func (s *ContactsService) Delete(ctx context.Context, id int64) error {
	return (*service)(s).do(ctx, Request{Method: http.MethodDelete, Path: resourcePath(contactsPath, id)}, nil)
}

// A Contact is a person on one kind of channel. Which fields are filled
// depends on the call: lists add Channels and Profile, Get and Update also
// Notes and Groups, Create none of them.
type Contact struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	Email    string `json:"email"`
	// Phone is the phone number as it was stored: with or without +, perhaps
	// with spaces.
	Phone          string `json:"phone"`
	FormattedPhone string `json:"formatted_phone"`
	// Identifier is the email or else the formatted phone number: for people
	// to read, not for programs to compare.
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name"`

	Abbr         string `json:"abbr"`
	Color        string `json:"color"`
	Avatar       string `json:"avatar"`
	ProfileImage string `json:"profile_image"`
	// IsPhone is also true for contacts that have an email.
	IsPhone   Flag `json:"is_phone"`
	IsPrivate Flag `json:"is_private"`

	// CustomFieldData holds the custom fields that are set, by name.
	CustomFieldData map[string]string `json:"custom_field_data"`
	// FormattedCustomFieldData holds all custom fields, by name.
	FormattedCustomFieldData map[string]string  `json:"formatted_custom_field_data"`
	CustomFieldValues        []CustomFieldValue `json:"custom_field_values"`

	Channels []Channel         `json:"channels"`
	Notes    []Note            `json:"notes"`
	Groups   []json.RawMessage `json:"groups"`
	Profile  []json.RawMessage `json:"profile"`
	Pivot    json.RawMessage   `json:"pivot"`
}

func (c *Contact) id() int64 { return c.ID }

// isOn reports whether the contact is on the channel, as far as the call that
// returned it said so.
func (c *Contact) isOn(channelID int64) bool {
	for i := range c.Channels {
		if c.Channels[i].ID == channelID {
			return true
		}
	}
	return false
}

// A CustomFieldValue is the value of one custom field.
type CustomFieldValue struct {
	CustomFieldID int64  `json:"custom_field_id"`
	FieldName     string `json:"field_name"`
	Value         string `json:"value"`
}

// A Note is a note on a contact.
type Note struct {
	ID        int64     `json:"id"`
	Body      string    `json:"body"`
	User      *User     `json:"user"`
	CreatedAt Timestamp `json:"created_at"`
}

// ContactListOptions narrow [ContactsService.List]. The zero value lists all
// contacts.
type ContactListOptions struct {
	// Term is searched for in names, emails and phone numbers, and matches a
	// part of any of them: compare what you get. Search for the digits of a
	// phone number.
	Term string
	// PerPage is the number of contacts per request. Zero means Trengo's
	// default (25). Trengo does not document that it can be chosen.
	PerPage int
}

func (o ContactListOptions) query() listQuery {
	var query listQuery
	query.addText("term", o.Term)
	query.addNumber("per_page", o.PerPage)
	return query
}

// ContactCreateParams are the input of [ContactsService.Create].
type ContactCreateParams struct {
	ChannelID int64 `json:"channel_id"`
	// Identifier is an email on an email channel, and a phone number on a
	// WhatsApp, SMS or voice channel. To Trengo two spellings of one phone
	// number are two numbers: send digits with country code and a leading +.
	Identifier string `json:"identifier"`
	Name       string `json:"name,omitzero"` // the full name
}

func (p ContactCreateParams) validate() error { return checkID("ChannelID", p.ChannelID) }

// ContactUpdateParams are the input of [ContactsService.Update]. Fields that
// are zero stay as they are.
type ContactUpdateParams struct {
	Name            string  `json:"name,omitzero"`
	ContactGroupIDs []int64 `json:"contact_group_ids,omitzero"`
}

func (p ContactUpdateParams) validate() error { return checkIDs("ContactGroupIDs", p.ContactGroupIDs) }

const contactsPath = "/contacts"

func channelContactsPath(channelID int64) string {
	return resourcePath("/channels", channelID, contactsPath)
}
