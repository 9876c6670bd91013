package trengotest

import "strings"

// contactBase is a contact in the response to its creation. No response has the time
// when a contact was created.
func (s *Server) contactBase(c *contact) object {
	values := s.customFieldValues(fieldOfContact, c.CustomFields)
	return object{
		"id":                          c.ID,
		"name":                        nullText(c.Name),
		"full_name":                   nullText(c.Name),
		"email":                       nullText(c.Email),
		"abbr":                        initial(c.displayName()),
		"color":                       "#ff5722",
		"profile_image":               nil,
		"is_phone":                    c.Phone != "",
		"phone":                       nullText(c.Phone),
		"formatted_phone":             formatPhone(c.Phone),
		"avatar":                      "https://assets.trengo.com/release/img/defaultpic.png",
		"identifier":                  c.identifier(),
		"custom_field_data":           fieldData(values),
		"pivot":                       nil,
		"formatted_custom_field_data": s.formattedFieldData(c),
		"display_name":                c.displayName(),
		"is_private":                  c.Private,
		"custom_field_values":         values,
	}
}

// contactListItem is a contact in a list.
func (s *Server) contactListItem(c *contact) object {
	channels := []object{}
	for _, id := range c.ChannelIDs {
		if channel := s.channels.get(id); channel != nil {
			channels = append(channels, s.channelObject(channel))
		}
	}
	return s.contactBase(c).with(object{"profile": []any{}, "channels": channels})
}

// contactDetail is a contact in the response to a GET or PUT.
func (s *Server) contactDetail(c *contact) object {
	notes := []object{}
	for _, n := range c.notes {
		notes = append(notes, s.noteObject(c, n))
	}
	return s.contactListItem(c).with(object{"notes": notes, "groups": s.contactGroups(c)})
}

func (s *Server) contactGroups(c *contact) []object {
	groups := []object{}
	for _, id := range c.groupIDs {
		if group := s.resources["contact_groups"].get(id); group != nil {
			groups = append(groups, *group)
		}
	}
	return groups
}

// embeddedContact is the contact in a ticket or message, or null if it does not exist.
func (s *Server) embeddedContact(id int64, more object) any {
	c := s.contacts.get(id)
	if c == nil {
		return nil
	}
	return s.contactBase(c).with(object{"profile": []any{}}).with(more)
}

// rawContact is the database row of a contact.
func (s *Server) rawContact(id int64) any {
	c := s.contacts.get(id)
	if c == nil {
		return nil
	}
	first, last, _ := strings.Cut(c.Name, " ")
	fields := []object{}
	for _, v := range s.customFieldValues(fieldOfContact, c.CustomFields) {
		fields = append(fields, object{
			"id": v["custom_field_id"], "title": v["field_name"], "pivot": object{"value": v["value"]},
		})
	}
	o := s.contactBase(c).with(object{
		"agency_id":         agencyID,
		"title":             nil,
		"first_name":        nullText(first),
		"last_name":         nullText(last),
		"street_name":       nil,
		"house_no":          nil,
		"zip_code":          nil,
		"city":              nil,
		"whatsapp_phone_id": nil,
		"image_path":        nil,
		"is_synced":         0,
		"created_at":        isoTime(c.CreatedAt),
		"updated_at":        isoTime(c.CreatedAt),
		"deleted_at":        nil,
		"deleted_by":        nil,
		"users":             []any{},
		"custom_fields":     fields,
	})
	delete(o, "display_name")
	return o
}
