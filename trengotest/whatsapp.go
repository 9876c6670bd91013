package trengotest

import "strconv"

// startConversation sends a WhatsApp template on the given ticket. Without a ticket
// it creates one, even if the contact already has an open one.
func (s *Server) startConversation(c *call) response {
	in := s.newInput(c)
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
			who = readIdentity(in, "recipient_phone_number", channel)
		}
	}
	if in.failed() {
		return in.unprocessable()
	}
	if t == nil {
		customer := s.findContact(who)
		if customer == nil {
			customer = s.newContact(c, channel, who, "")
		}
		t = s.openTicket(c, channel.ID, customer.ID, "")
	}
	m := s.appendMessage(t, Message{
		UserID:    c.user.ID,
		Type:      typeOutbound,
		BodyType:  bodyTemplate,
		Text:      "template " + strconv.FormatInt(template, 10),
		CreatedAt: c.now,
	})
	return ok(object{"message": s.rawMessage(t, m)})
}

// whatsAppChannel returns the WhatsApp channel with that ID, or the first WhatsApp
// channel if id is zero, or nil if there is none.
func (s *Server) whatsAppChannel(id int64) *Channel {
	for _, channel := range s.channels.all(nil) {
		if channel.Type == channelWhatsApp && (id == 0 || id == channel.ID) {
			return channel
		}
	}
	return nil
}
