package trengo

import "context"

// A contactLookup finds out which contact is meant.
type contactLookup struct {
	contacts        *ContactsService
	allowDuplicates bool
}

// find returns the contact of an operation's person, or nil if there is none.
func (l contactLookup) find(ctx context.Context, op *operation) (*Contact, error) {
	matches, err := l.search(ctx, op.identifier)
	if err != nil {
		return nil, err
	}
	return l.choose(matches, op.channelID)
}

// maxCandidates limits how many contacts of a search are compared: ten of
// Trengo's pages, each of which costs a request.
const maxCandidates = 250

// search returns all contacts that have the identifier. Trengo finds parts of
// names, emails and phone numbers, so most of what it returns may be other
// people.
func (l contactLookup) search(ctx context.Context, wanted identifier) ([]*Contact, error) {
	var matches []*Contact
	candidates := 0
	for contact, err := range l.contacts.List(ctx, ContactListOptions{Term: wanted.key}) {
		if err != nil {
			return nil, err
		}
		if candidates++; candidates > maxCandidates {
			return nil, &AmbiguousContactError{ContactIDs: contactIDs(matches), Truncated: true}
		}
		if wanted.matches(contact) {
			matches = append(matches, contact)
		}
	}
	return matches, nil
}

// choose picks the contact among those with the identifier. A person has a
// contact for each kind of channel, so the one on the target channel is meant.
func (l contactLookup) choose(matches []*Contact, channelID int64) (*Contact, error) {
	switch len(matches) {
	case 0:
		return nil, nil
	case 1:
		return matches[0], nil
	}
	var onChannel []*Contact
	for _, contact := range matches {
		if contact.isOn(channelID) {
			onChannel = append(onChannel, contact)
		}
	}
	switch {
	case len(onChannel) == 1:
		return onChannel[0], nil
	case len(onChannel) > 1 && l.allowDuplicates:
		return newestContact(onChannel), nil
	default:
		return nil, &AmbiguousContactError{ContactIDs: contactIDs(matches)}
	}
}

// newestContact goes by the ID: contacts do not state a date.
func newestContact(contacts []*Contact) *Contact {
	latest := contacts[0]
	for _, contact := range contacts[1:] {
		if contact.ID > latest.ID {
			latest = contact
		}
	}
	return latest
}

func contactIDs(contacts []*Contact) []int64 {
	ids := make([]int64, len(contacts))
	for i, contact := range contacts {
		ids[i] = contact.ID
	}
	return ids
}
