package trengo

import (
	"context"
	"slices"
)

// A contactLookup finds out which contact is meant.
type contactLookup struct {
	contacts        *ContactsService
	allowDuplicates bool
	memory          *memory // nil: nothing is remembered
}

// find returns the contact of an operation's person. It returns nil if there is
// none, and if creating the contact is the way to find it.
func (l contactLookup) find(ctx context.Context, op *operation) (*Contact, error) {
	if l.memory != nil && l.memory.hasTooManyHits(op) {
		return afterTooManyHits(op, nil)
	}
	for _, term := range op.identifier.terms() {
		matches, complete, err := l.search(ctx, op, term)
		switch {
		case err != nil:
			return nil, err
		case !complete:
			if l.memory != nil {
				l.memory.rememberTooManyHits(op)
			}
			return afterTooManyHits(op, matches)
		case len(matches) > 0:
			return l.choose(matches, op)
		}
	}
	return nil, nil
}

// afterTooManyHits is what find returns if the person may be among the hits that
// were not read.
func afterTooManyHits(op *operation, matches []*Contact) (*Contact, error) {
	if op.createFinds() {
		return nil, nil
	}
	return nil, &AmbiguousContactError{ContactIDs: contactIDs(matches), Truncated: true}
}

// maxSearchPages limits the requests of a search: whoever creates contacts can
// make the email of somebody else occur in any number of them. searchPageSize is
// how many hits a request returns, if Trengo allows so many.
const (
	maxSearchPages = 4
	searchPageSize = 100
)

// search returns the contacts that have the identifier, and whether these are
// all, or enough to choose from. Trengo finds parts of names, emails and phone
// numbers, so most hits may be other people.
func (l contactLookup) search(ctx context.Context, op *operation, term string) (matches []*Contact, complete bool, err error) {
	options := ContactListOptions{Term: term, PerPage: searchPageSize}
	pages := 0
	for page, err := range listPages[Contact](ctx, (*service)(l.contacts), contactsPath, options.query()) {
		if err != nil {
			return nil, false, err
		}
		enough := false
		for _, contact := range page.Data {
			// A contact that is created meanwhile pushes another one to the next page.
			if !op.identifier.matches(contact) || slices.Contains(contactIDs(matches), contact.ID) {
				continue
			}
			matches = append(matches, contact)
			enough = enough || op.identifier.isUnique(contact) && contact.isOn(op.channelID)
		}
		if enough {
			break
		}
		if pages++; pages == maxSearchPages && page.Links.Next != "" {
			return matches, false, nil
		}
	}
	return matches, true, nil
}

// choose picks the contact among those with the identifier. A person has a
// contact for each kind of channel, so the one on the target channel is meant.
// What is still left are the contacts of one email in several spellings, or
// real duplicates.
func (l contactLookup) choose(matches []*Contact, op *operation) (*Contact, error) {
	onChannel := filterContacts(matches, func(c *Contact) bool { return c.isOn(op.channelID) })
	candidates := onChannel
	if len(onChannel) == 0 {
		candidates = matches
	}
	candidates = op.identifier.closest(candidates)
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case len(onChannel) > 1 && l.allowDuplicates:
		return newestContact(candidates), nil
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
