package trengotest

import "strings"

// A resource is a kind of object that the API lists, creates, updates and deletes
// without special rules.
type resource struct {
	ids      sequence // precedes the first ID
	size     int      // of a page; zero means defaultPageSize
	required []string
	defaults object // its fields except id, with their values if they are not sent
}

func (r resource) has(field string) bool {
	_, found := r.defaults[field]
	return found && field != "id"
}

// set copies the fields that r has to o.
func (r resource) set(o, fields object) {
	for name, value := range fields {
		if r.has(name) {
			o[name] = value
		}
	}
}

// validate rejects an input that sets a required field to something other than
// text. Fields with an ID are not checked.
func (r resource) validate(in *input) {
	for _, name := range r.required {
		if in.has(name) && !strings.HasSuffix(name, "_id") {
			in.require(name)
			in.text(name)
		}
	}
}

var resources = map[string]resource{
	"labels": {
		ids: 1_700_000, required: []string{"name"},
		defaults: object{"name": nil, "slug": nil, "color": "#5D9CEC", "sort_order": nil, "archived": nil},
	},
	"teams": {
		ids: 346_000, required: []string{"name"},
		defaults: nullChannel(0),
	},
	"custom_fields": {
		ids: 600_000, required: []string{"title", "type"},
		defaults: object{
			"title": nil, "sort_order": -4, "type": nil, "identifier": nil, "field_type": "TEXT",
			"placeholder": nil, "items": nil, "channels": []any{}, "is_required": false,
		},
	},
	"ticket_results": {
		ids: 50_000, required: []string{"name"},
		defaults: object{"name": nil, "sort_order": nil},
	},
	"contact_groups": {
		ids: 30_000, required: []string{"name"},
		defaults: object{"name": nil},
	},
	"quick_replies": {
		ids: 20_000, size: largePageSize, required: []string{"title", "message", "type"},
		defaults: object{"title": nil, "message": nil, "type": nil, "attachments": []any{}},
	},
	"webhooks": {
		ids: 7_600, size: largePageSize,
		defaults: object{"title": nil, "url": nil, "type": nil, "signing_secret": nil},
	},
	"sms_messages": {
		ids: 10_000_000, required: []string{"channel_id", "to", "message"},
		defaults: object{"channel_id": nil, "to": nil, "message": nil},
	},
}

// addResource stores an object of the named resource. Fields that the resource does
// not have are dropped.
func (s *Server) addResource(name string, fields object) *object {
	r, all := resources[name], s.resources[name]
	id := all.ids.take(0)
	o := r.defaults.with(object{"id": id})
	r.set(o, fields)
	for from, to := range map[string]string{"name": "slug", "title": "identifier"} {
		if text, isText := fields[from].(string); isText && r.has(to) {
			o[to] = strings.ReplaceAll(strings.ToLower(text), " ", "-")
		}
	}
	all.put(id, &o)
	return &o
}

func (s *Server) listResource(c *call) response {
	name := c.resourceName()
	size := resources[name].size
	if size == 0 {
		size = defaultPageSize
	}
	wanted := c.record.Query.Get("type")
	found := s.resources[name].all(func(o *object) bool { return wanted == "" || (*o)["type"] == wanted })
	return listResponse(s, c, listing{size: size, totals: true}, found, func(o *object) object { return *o })
}

func (s *Server) getResource(c *call) response {
	found := s.resources[c.resourceName()].get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(*found)
}

func (s *Server) createResource(c *call) response {
	name := c.resourceName()
	r, in := resources[name], s.newInput(c)
	in.require(r.required...)
	r.validate(in)
	if in.failed() {
		return in.unprocessable()
	}
	return ok(*s.addResource(name, in.fields))
}

func (s *Server) updateResource(c *call) response {
	name := c.resourceName()
	found := s.resources[name].get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	r, in := resources[name], s.newInput(c)
	r.validate(in)
	if in.failed() {
		return in.unprocessable()
	}
	r.set(*found, in.fields)
	return ok(*found)
}

func (s *Server) deleteResource(c *call) response {
	all := s.resources[c.resourceName()]
	if all.get(c.ids[0]) == nil {
		return s.notFound()
	}
	all.delete(c.ids[0])
	return s.empty()
}
