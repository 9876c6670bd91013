package trengotest

import "strings"

// A resource is a kind of setting that the API lists, makes, changes and deletes
// without any rule of its own.
type resource struct {
	ids      sequence // where its ids begin
	size     int      // of a page
	required []string
	defaults object // its fields besides id, with what they are if not sent
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

// addResource makes one of a kind. Fields that the kind does not have are dropped.
func (s *Server) addResource(kind string, fields object) *object {
	r, all := resources[kind], s.resources[kind]
	id := all.ids.take(0)
	o := r.defaults.with(object{"id": id})
	o.change(r, fields)
	for from, to := range map[string]string{"name": "slug", "title": "identifier"} {
		if text, isText := fields[from].(string); isText && r.has(to) {
			o[to] = strings.ReplaceAll(strings.ToLower(text), " ", "-")
		}
	}
	all.put(id, &o)
	return &o
}

func (r resource) has(field string) bool {
	_, found := r.defaults[field]
	return found && field != "id"
}

func (o object) change(r resource, fields object) {
	for name, value := range fields {
		if r.has(name) {
			o[name] = value
		}
	}
}

func kindOf(c *call) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(c.record.Path, "/"), "/")
	return kind
}

func (s *Server) listResource(c *call) answer {
	kind := kindOf(c)
	size := resources[kind].size
	if size == 0 {
		size = defaultPageSize
	}
	wanted := c.record.Query.Get("type")
	found := s.resources[kind].all(func(o *object) bool { return wanted == "" || (*o)["type"] == wanted })
	return list(s, c, listing{size: size, totals: true}, found, func(o *object) object { return *o })
}

func (s *Server) getResource(c *call) answer {
	found := s.resources[kindOf(c)].get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(*found)
}

func (s *Server) createResource(c *call) answer {
	kind := kindOf(c)
	in := s.input(c)
	in.require(resources[kind].required...)
	in.requireTexts(resources[kind])
	if in.failed() {
		return in.unprocessable()
	}
	return ok(*s.addResource(kind, in.fields))
}

// requireTexts rejects what would leave a required field without a text. Those
// that are ids may be anything.
func (in *input) requireTexts(r resource) {
	for _, name := range r.required {
		if in.has(name) && !strings.HasSuffix(name, "_id") {
			in.require(name)
			in.text(name)
		}
	}
}

func (s *Server) updateResource(c *call) answer {
	kind := kindOf(c)
	found := s.resources[kind].get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	in := s.input(c)
	in.requireTexts(resources[kind])
	if in.failed() {
		return in.unprocessable()
	}
	found.change(resources[kind], in.fields)
	return ok(*found)
}

func (s *Server) deleteResource(c *call) answer {
	all := s.resources[kindOf(c)]
	if all.get(c.ids[0]) == nil {
		return s.notFound()
	}
	all.delete(c.ids[0])
	return s.empty()
}
