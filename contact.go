package trengo

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ContactsService is the contacts of a workspace: [Client.Contacts].
type ContactsService service

// A Contact is a person on one kind of channel. Which fields are filled
// depends on the call: lists add Channels and Profile, Get and Update also
// Notes and Groups, Create none of them.
type Contact struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	Email    string `json:"email"`
	// Phone is as it was stored: with or without +, perhaps with blanks.
	Phone          string `json:"phone"`
	FormattedPhone string `json:"formatted_phone"`
	// Identifier is the e-mail or else the formatted phone: for people to
	// read, not for programs to compare.
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name"`

	Abbr         string `json:"abbr"`
	Color        string `json:"color"`
	Avatar       string `json:"avatar"`
	ProfileImage string `json:"profile_image"`
	// IsPhone is also true of contacts that have an e-mail.
	IsPhone   Flag `json:"is_phone"`
	IsPrivate Flag `json:"is_private"`

	// CustomFieldData has the custom fields that are set, by name.
	CustomFieldData map[string]string `json:"custom_field_data"`
	// FormattedCustomFieldData has all custom fields, by name.
	FormattedCustomFieldData map[string]string  `json:"formatted_custom_field_data"`
	CustomFieldValues        []CustomFieldValue `json:"custom_field_values"`

	Channels []Channel         `json:"channels"`
	Notes    []Note            `json:"notes"`
	Groups   []json.RawMessage `json:"groups"`
	Profile  []json.RawMessage `json:"profile"`
	Pivot    json.RawMessage   `json:"pivot"`
}

func (c *Contact) id() int64 { return c.ID }

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
	// Term is searched for in name, e-mail and phone, as a part of any of
	// them: compare what you get. Phones are best searched by their digits.
	Term string
	// PerPage is the number of contacts per request; 0 leaves it to Trengo
	// (25). Trengo does not document that it can be chosen.
	PerPage int
}

// List returns the contacts, the newest first if there is no term. It reads a
// page when the loop comes to it, one request for each, and stops after the
// first error. The sequence can be used again, which reads again.
//
// Trengo API: GET /contacts
func (s *ContactsService) List(ctx context.Context, opts ContactListOptions) iter.Seq2[*Contact, error] {
	query := url.Values{}
	addText(query, "term", opts.Term)
	addID(query, "per_page", int64(opts.PerPage))
	return list[Contact](ctx, s.client, "/contacts", query)
}

// Get returns a contact, or [ErrNotFound].
//
// Trengo API: GET /contacts/{id}
func (s *ContactsService) Get(ctx context.Context, id int64) (*Contact, error) {
	contact := new(Contact)
	err := s.client.do(ctx, Request{Path: contactPath(id)}, decodeResource(contact))
	return orNil(contact, err)
}

// ContactCreateParams is the input of [ContactsService.Create].
type ContactCreateParams struct {
	ChannelID int64 `json:"channel_id"`
	// Identifier is an e-mail on an e-mail channel, and a phone on a
	// WhatsApp, SMS or voice channel. Trengo keeps one number in several
	// spellings apart: send digits with country code and a leading +.
	Identifier string `json:"identifier"`
	Name       string `json:"name,omitzero"` // the full name
}

// Create creates a contact on a channel, or returns the one that has the
// identifier already; the answer does not say which, and the name of a found
// one is not changed. Trengo finds e-mails reliably; phones it may duplicate.
// So a call with a phone is not repeated when the outcome of an attempt is
// unknown, but ends with [ErrOutcomeUnknown]. An unknown channel is
// [ErrNotFound].
//
// Trengo API: POST /channels/{id}/contacts
func (s *ContactsService) Create(ctx context.Context, in ContactCreateParams) (*Contact, error) {
	contact := new(Contact)
	err := s.client.do(ctx, Request{
		Method:     http.MethodPost,
		Path:       contactsOfChannelPath(in.ChannelID),
		Body:       in,
		Repeatable: strings.Contains(in.Identifier, "@"),
	}, decodeResource(contact))
	return orNil(contact, err)
}

// ContactUpdateParams is the input of [ContactsService.Update]. Fields that are
// zero stay as they are.
type ContactUpdateParams struct {
	Name            string  `json:"name,omitzero"`
	ContactGroupIDs []int64 `json:"contact_group_ids,omitzero"`
}

// Update changes a contact; its e-mail and phone cannot be changed. An
// unknown contact is [ErrNotFound].
//
// Trengo API: PUT /contacts/{id}
func (s *ContactsService) Update(ctx context.Context, id int64, in ContactUpdateParams) (*Contact, error) {
	contact := new(Contact)
	err := s.client.do(ctx, Request{Method: http.MethodPut, Path: contactPath(id), Body: in}, decodeResource(contact))
	return orNil(contact, err)
}

// Delete deletes a contact. An unknown contact is [ErrNotFound], and so is
// one that an earlier attempt of the same call deleted before its answer was
// lost.
//
// Trengo API: DELETE /contacts/{id}
func (s *ContactsService) Delete(ctx context.Context, id int64) error {
	return s.client.Do(ctx, Request{Method: http.MethodDelete, Path: contactPath(id)}, nil)
}

func contactPath(id int64) string { return "/contacts/" + strconv.FormatInt(id, 10) }

func contactsOfChannelPath(channelID int64) string {
	return "/channels/" + strconv.FormatInt(channelID, 10) + "/contacts"
}

// orNil returns no half-decoded resource beside an error.
func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
