package trengotest

// A Channel is a source and destination of messages, such as a mailbox.
type Channel struct {
	// ID identifies the channel. If it is zero, AddChannel assigns the next ID.
	ID int64

	// Type is "EMAIL", "SMS", "VOIP", "WA_BUSINESS", "CHAT", … A contact is
	// identified by an email address on EMAIL, by a phone number on SMS, VOIP and
	// WA_BUSINESS, and by either on other channels. "" means "EMAIL".
	Type string

	// Title is the name that users see.
	Title string

	// Private means that the channel belongs to one user.
	Private bool
}

const (
	channelEmail    = "EMAIL"
	channelSMS      = "SMS"
	channelVoIP     = "VOIP"
	channelWhatsApp = "WA_BUSINESS"
)

// AddChannel adds a channel, or replaces the one with the same ID, and returns it
// as stored.
func (s *Server) AddChannel(c Channel) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ID = s.channels.ids.take(c.ID)
	if c.Type == "" {
		c.Type = channelEmail
	}
	s.channels.put(c.ID, &c)
	return c
}

// Channels returns the channels in ascending order of their IDs.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Channel
	for _, c := range s.channels.all(nil) {
		all = append(all, *c)
	}
	return all
}

func (s *Server) listChannels(c *call) response {
	return listResponse(s, c, listing{size: defaultPageSize, totals: true}, s.channels.all(nil), s.channelObject)
}

// channelObject is a whole channel. As at Trengo, some flags are numbers and some are
// booleans, and the number of days is a string.
func (s *Server) channelObject(c *Channel) object {
	label := c.Title + " • " + c.Type
	return s.embeddedChannel(c).with(object{
		"auto_reply":                            "ENABLED",
		"business_hour_id":                      125_000 + c.ID%1000,
		"notification_sound":                    "chat.mp3",
		"status":                                "ACTIVE",
		"display_name":                          label,
		"text":                                  label,
		"show_ticket_fields":                    1,
		"show_contact_fields":                   1,
		"emailChannel":                          s.emailChannel(c),
		"password_is_null":                      false,
		"reopen_closed_ticket":                  1,
		"is_private":                            c.Private,
		"reassign_reopened_ticket":              false,
		"reopen_closed_ticket_time_window_days": "30",
	})
}

// embeddedChannel is a channel in another object. Nearly all of its settings are
// null.
func (s *Server) embeddedChannel(c *Channel) object {
	return nullChannel(c.ID).with(object{
		"name":         c.Type,
		"title":        c.Title,
		"phone":        "",
		"type":         c.Type,
		"display_name": c.Title + " • " + c.Type,
		"text":         c.Title + " • " + c.Type,
		"users":        []any{},
		"is_private":   c.Private,
	})
}

// nullChannel has all fields of a channel, set to null. Trengo also uses them for
// teams.
func nullChannel(id int64) object {
	o := object{"id": id}
	for _, name := range []string{
		"name", "title", "phone", "type", "auto_reply", "color", "notification_email", "business_hour_id",
		"notification_sound", "status", "display_name", "text", "show_ticket_fields", "show_contact_fields",
		"emailChannel", "users", "username", "password_is_null", "reopen_closed_ticket", "is_private",
		"reassign_reopened_ticket", "reopen_closed_ticket_time_window_days",
	} {
		o[name] = nil
	}
	return o
}

func (s *Server) emailChannel(c *Channel) any {
	if c.Type != channelEmail {
		return nil
	}
	return object{
		"channel_id":                       c.ID,
		"email_theme_id":                   nil,
		"sender_email":                     "support@example.com",
		"sender_email_id":                  nil,
		"sender_name":                      c.Title,
		"sender_name_personal":             0,
		"signature":                        "<p>{{ agent.first_name }}</p>",
		"auto_reply_body":                  nil,
		"auto_reply_enabled":               0,
		"auto_reply_subject":               nil,
		"branding":                         1,
		"branding_service_name":            nil,
		"split_by_subject":                 0,
		"split_by_sender":                  0,
		"embed_attachments":                false,
		"prepend_ticket_number_to_subject": 1,
		"add_conversation_to_reply":        1,
		"spam_setting":                     nil,
		"font_family":                      nil,
		"type":                             "CUSTOM",
		"meta":                             []any{},
		"created_at":                       "2021-01-04 09:00:00",
		"updated_at":                       "2021-01-04 09:00:00",
	}
}

// rawChannel is the database row of a channel, including its secrets.
func (s *Server) rawChannel(c *Channel) any {
	if c == nil {
		return nil
	}
	return s.channelObject(c).with(object{
		"agency_id":  agencyID,
		"username":   "channel-user",
		"password":   "channel-password",
		"price":      "0.0000",
		"created_at": "2021-01-04T08:00:00.000000Z",
		"updated_at": "2021-01-04T08:00:00.000000Z",
		"deleted_at": nil,
		"agency":     agencyObject(),
	})
}
