package trengo

import "context"

// maxCandidates bounds how many contacts of a search are looked at: ten of
// Trengo's pages, each of which costs a request.
const maxCandidates = 250

// search returns the contact of a job's person, or nil if there is none.
func (d *Destination) search(ctx context.Context, j *job) (*Contact, error) {
	matches, err := d.matches(ctx, j.who)
	if err != nil {
		return nil, err
	}
	return d.choose(matches, j.channelID)
}

// matches returns all contacts that have the identifier. Trengo searches for
// parts of names, e-mails and phones, so most hits may be other people.
func (d *Destination) matches(ctx context.Context, who identifier) ([]*Contact, error) {
	var matches []*Contact
	candidates := 0
	for contact, err := range d.client.Contacts.List(ctx, ContactListOptions{Term: who.key}) {
		if err != nil {
			return nil, err
		}
		if candidates++; candidates > maxCandidates {
			return nil, &AmbiguousContactError{ContactIDs: idsOf(matches), Truncated: true}
		}
		if who.isOf(contact) {
			matches = append(matches, contact)
		}
	}
	return matches, nil
}

// choose picks a person's contact among those that have the identifier. A
// person has a contact for each kind of channel, so the one that is on the
// channel is meant.
func (d *Destination) choose(matches []*Contact, channelID int64) (*Contact, error) {
	if len(matches) < 2 {
		return first(matches), nil
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
	case len(onChannel) > 1 && d.cfg.AllowDuplicates:
		return newest(onChannel), nil
	default:
		return nil, &AmbiguousContactError{ContactIDs: idsOf(matches)}
	}
}

func (c *Contact) isOn(channelID int64) bool {
	for i := range c.Channels {
		if c.Channels[i].ID == channelID {
			return true
		}
	}
	return false
}

func first(contacts []*Contact) *Contact {
	if len(contacts) == 0 {
		return nil
	}
	return contacts[0]
}

// newest goes by the id: contacts state no date.
func newest(contacts []*Contact) *Contact {
	latest := contacts[0]
	for _, contact := range contacts[1:] {
		if contact.ID > latest.ID {
			latest = contact
		}
	}
	return latest
}

func idsOf(contacts []*Contact) []int64 {
	ids := make([]int64, len(contacts))
	for i, contact := range contacts {
		ids[i] = contact.ID
	}
	return ids
}
