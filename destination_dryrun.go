package trengo

import (
	"context"
	"net/http"
)

// A dryRun is the backend of [Destination.Plan]. It searches for the contact
// and records the writes without sending them.
type dryRun struct {
	lookup contactLookup
	memory *memory // for the user IDs, which cannot be searched for
	writes []Write
}

func (d *dryRun) findContact(ctx context.Context, op *operation) (*knownContact, error) {
	if op.namesContact() {
		return &knownContact{id: op.contactID}, nil
	}
	if op.hasOnlyUserID() {
		_, contactID, why := d.memory.contactOf(op)
		if why != "" {
			return nil, op.userNotFound(why)
		}
		return d.memory.rememberedContact(contactID), nil
	}
	contact, err := d.lookup.find(ctx, op)
	if err != nil || contact == nil {
		return nil, err
	}
	return newKnownContact(contact, op.identifier), nil
}

func (d *dryRun) createContact(_ context.Context, op *operation) (*knownContact, error) {
	in := op.contactParams()
	return newKnownContact(&Contact{Name: op.name}, op.identifier), d.record(http.MethodPost, channelContactsPath(in.ChannelID), in)
}

func (d *dryRun) renameContact(_ context.Context, op *operation, contactID int64) error {
	return d.record(http.MethodPut, resourcePath(contactsPath, contactID), ContactUpdateParams{Name: op.name})
}

func (d *dryRun) createTicket(_ context.Context, _ *operation, in TicketCreateParams) (int64, error) {
	return 0, d.record(http.MethodPost, ticketsPath, in)
}

func (d *dryRun) record(method, path string, in any) error {
	body, err := encodeJSON(in)
	d.writes = append(d.writes, Write{Method: method, Path: path, Body: body})
	return err
}
