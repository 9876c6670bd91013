package trengotest

// The owners of custom fields.
const (
	fieldOfContact = "CONTACT"
	fieldOfTicket  = "TICKET"
)

// customFieldsOf returns the fields of contacts or of tickets.
func (s *Server) customFieldsOf(owner string) []*object {
	return s.resources["custom_fields"].all(func(f *object) bool { return (*f)["type"] == owner })
}

// defineCustomField creates a field unless the owner has one with that title.
func (s *Server) defineCustomField(owner, title string) {
	for _, f := range s.customFieldsOf(owner) {
		if (*f)["title"] == title {
			return
		}
	}
	s.addResource("custom_fields", object{"title": title, "type": owner})
}

// setCustomField sets one of values. The response is the field, not its value.
func (s *Server) setCustomField(c *call, owner string, values *map[string]string) response {
	in := s.newInput(c)
	in.require("custom_field_id", "value")
	field := s.resources["custom_fields"].get(in.id("custom_field_id"))
	if field == nil || (*field)["type"] != owner {
		in.reject("custom_field_id", in.words.unknown)
	}
	value := in.scalar("value")
	if in.failed() {
		return in.unprocessable()
	}
	if *values == nil {
		*values = make(map[string]string)
	}
	(*values)[(*field)["title"].(string)] = value
	return ok(*field)
}

// updateCustomField moves the values of a renamed field to its new title.
func (s *Server) updateCustomField(c *call) response {
	field := s.resources["custom_fields"].get(c.ids[0])
	if field == nil {
		return s.notFound()
	}
	from := (*field)["title"].(string)
	resp := s.updateResource(c)
	to := (*field)["title"].(string)
	for _, found := range s.contacts.all(nil) {
		renameKey(found.CustomFields, from, to)
	}
	for _, found := range s.tickets.all(nil) {
		renameKey(found.CustomFields, from, to)
	}
	return resp
}

func renameKey(values map[string]string, from, to string) {
	if value, found := values[from]; found {
		delete(values, from)
		values[to] = value
	}
}

func (s *Server) setContactField(c *call) response {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return s.setCustomField(c, fieldOfContact, &found.CustomFields)
}

func (s *Server) setTicketField(c *call) response {
	found := s.tickets.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return s.setCustomField(c, fieldOfTicket, &found.CustomFields)
}

// customFieldValues lists the fields that have a value.
func (s *Server) customFieldValues(owner string, values map[string]string) []object {
	set := []object{}
	for _, f := range s.customFieldsOf(owner) {
		title := (*f)["title"].(string)
		if value, found := values[title]; found {
			set = append(set, object{"custom_field_id": (*f)["id"], "field_name": title, "value": value})
		}
	}
	return set
}

// fieldData maps titles to values. It is null if no value is set.
func fieldData(values []object) any {
	if len(values) == 0 {
		return nil
	}
	data := object{}
	for _, v := range values {
		data[v["field_name"].(string)] = v["value"]
	}
	return data
}

// formattedFieldData maps the titles of all fields to values. Without fields it is an
// empty list, because PHP has one type for lists and maps.
func (s *Server) formattedFieldData(c *contact) any {
	fields := s.customFieldsOf(fieldOfContact)
	if len(fields) == 0 {
		return []any{}
	}
	data := object{}
	for _, f := range fields {
		title := (*f)["title"].(string)
		data[title] = nil
		if value, found := c.CustomFields[title]; found {
			data[title] = value
		}
	}
	return data
}
