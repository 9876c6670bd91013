package trengotest

// What a custom field belongs to.
const (
	fieldOfContact = "CONTACT"
	fieldOfTicket  = "TICKET"
)

// customFieldsOf returns the fields of the workspace that belong to owner.
func (s *Server) customFieldsOf(owner string) []*object {
	return s.resources["custom_fields"].all(func(f *object) bool { return (*f)["type"] == owner })
}

func (s *Server) defineCustomField(owner, title string) {
	for _, f := range s.customFieldsOf(owner) {
		if (*f)["title"] == title {
			return
		}
	}
	s.addResource("custom_fields", object{"title": title, "type": owner})
}

// setCustomField sets one value in the map and answers with its field.
func (s *Server) setCustomField(c *call, owner string, values *map[string]string) answer {
	in := s.input(c)
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

// updateCustomField keeps the values of a field that gets another title.
func (s *Server) updateCustomField(c *call) answer {
	field := s.resources["custom_fields"].get(c.ids[0])
	if field == nil {
		return s.notFound()
	}
	from := (*field)["title"].(string)
	a := s.updateResource(c)
	to := (*field)["title"].(string)
	for _, found := range s.contacts.all(nil) {
		renameKey(found.CustomFields, from, to)
	}
	for _, found := range s.tickets.all(nil) {
		renameKey(found.CustomFields, from, to)
	}
	return a
}

func renameKey(values map[string]string, from, to string) {
	if value, found := values[from]; found {
		delete(values, from)
		values[to] = value
	}
}

func (s *Server) setContactField(c *call) answer {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return s.setCustomField(c, fieldOfContact, &found.CustomFields)
}

func (s *Server) setTicketField(c *call) answer {
	found := s.tickets.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return s.setCustomField(c, fieldOfTicket, &found.CustomFields)
}

// customFieldValues holds the fields that are set.
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

// fieldData is null rather than an empty object.
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

// formattedFieldData holds all fields of the workspace. Without any it is an empty
// list, as PHP has one type for both.
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
