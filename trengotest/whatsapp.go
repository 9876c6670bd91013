package trengotest

import "strconv"

// startConversation sends a WhatsApp template: on the ticket that is named, or
// else on a new one, even if the contact has one that is open.
func (s *Server) startConversation(c *call) answer {
	in := s.input(c)
	in.require("hsm_id")
	template := in.id("hsm_id")
	ticketID := in.id("ticket_id")
	t := s.tickets.get(ticketID)
	if ticketID != 0 && t == nil {
		in.reject("ticket_id", in.words.unknown)
	}
	channel := s.whatsAppChannel(in.id("channel_id"))
	var who identity
	if ticketID == 0 {
		in.require("recipient_phone_number")
		if channel == nil {
			in.reject("channel_id", in.words.unknown)
		} else {
			who = in.identity("recipient_phone_number", channel)
		}
	}
	if in.failed() {
		return in.unprocessable()
	}
	if t == nil {
		about := s.findContact(who)
		if about == nil {
			about = s.newContact(c, channel, who, "")
		}
		t = s.openTicket(c, channel.ID, about.ID, "")
	}
	m := s.attach(t, Message{
		UserID:    c.user.ID,
		Type:      typeOutbound,
		BodyType:  bodyTemplate,
		Text:      "template " + strconv.FormatInt(template, 10),
		CreatedAt: c.now,
	})
	return ok(object{"message": s.rawMessage(t, m)})
}

// whatsAppChannel returns the channel of that id, or the first one if id is 0, or
// nil.
func (s *Server) whatsAppChannel(id int64) *Channel {
	for _, channel := range s.channels.all(nil) {
		if channel.Type == channelWhatsApp && (id == 0 || id == channel.ID) {
			return channel
		}
	}
	return nil
}
