package trengo

// A job is what an event asks for, as far as that is known without a request.
type job struct {
	kind      string
	skip      string // why nothing is to be done
	event     *Event
	channelID int64
	contactID int64      // named by the sender; 0: the person is to be found
	who       identifier // of a person who is to be found
	name      string
}

// read interprets an event.
func (d *Destination) read(ev *Event) (*job, error) {
	if ev == nil {
		return nil, invalidEvent("it is nil")
	}
	j := &job{event: ev, channelID: d.cfg.ChannelID}
	var err error
	if j.kind, err = ev.kind(); err != nil {
		return nil, err
	}
	if j.skip = d.reasonToSkip(j.kind, ev); j.skip != "" {
		return j, nil
	}
	channelID, err := ev.override("trengoChannelId")
	if err != nil {
		return nil, err
	}
	if channelID != 0 {
		j.channelID = channelID
	}
	if j.contactID, err = ev.override("trengoContactId"); err != nil {
		return nil, err
	}
	if !j.named() {
		if j.who, err = d.cfg.identify(ev); err != nil {
			return nil, err
		}
	}
	j.name = ev.name()
	return j, nil
}

func (d *Destination) reasonToSkip(kind string, ev *Event) string {
	if on, isBool := ev.Integrations["Trengo"].(bool); isBool && !on {
		return skippedIntegration
	}
	switch kind {
	case typeIdentify:
		return ""
	case typeTrack:
		if _, listed := d.subjects[ev.Event]; !listed {
			return skippedEvent
		}
		return ""
	default:
		return skippedType
	}
}

func (j *job) named() bool { return j.contactID != 0 }

// newContact is what a contact of the person is created with.
func (j *job) newContact() ContactCreateParams {
	return ContactCreateParams{ChannelID: j.channelID, Identifier: j.who.address(), Name: j.name}
}

// A person is who an event is about: by an identifier, or by the contact that
// the sender named.
type person struct {
	kind      ChannelIdentifier
	key       string
	contactID int64
}

func personOf(contactID int64) person { return person{contactID: contactID} }

func (j *job) person() person {
	if j.named() {
		return personOf(j.contactID)
	}
	return person{kind: j.who.kind, key: j.who.key}
}

// A messageKey is what makes two deliveries the same: the message alone is not
// enough, because a transformation may have split one event into several.
type messageKey struct {
	messageID, kind, event string
	channelID              int64
	person                 person
}

// message is the key of the event's message; the zero value if it has none.
func (j *job) message() messageKey {
	if j.event.MessageID == "" {
		return messageKey{}
	}
	return messageKey{
		messageID: j.event.MessageID,
		kind:      j.kind,
		event:     j.event.Event,
		channelID: j.channelID,
		person:    j.person(),
	}
}
