package trengotest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type handler func(*Server, *call) response

type methods map[string]handler

// routes holds the API. A segment in braces is an ID. No two routes match the same
// path.
var routes = newRouter(map[string]methods{
	"/channels":               {"GET": (*Server).listChannels},
	"/channels/{id}/contacts": {"POST": (*Server).createContact},

	"/contacts":                    {"GET": (*Server).listContacts, "POST": (*Server).noSuchRoute},
	"/contacts/{id}":               {"GET": (*Server).getContact, "PUT": (*Server).updateContact, "DELETE": (*Server).deleteContact},
	"/contacts/{id}/custom_fields": {"POST": (*Server).setContactField},
	"/contacts/{id}/notes":         {"POST": (*Server).createNote},
	"/contacts/{id}/notes/{note}":  {"DELETE": (*Server).deleteNote},

	"/tickets":                     {"GET": (*Server).listTickets, "POST": (*Server).createTicket},
	"/tickets/{id}":                {"GET": (*Server).getTicket, "DELETE": (*Server).deleteTicket},
	"/tickets/{id}/custom_fields":  {"POST": (*Server).setTicketField},
	"/tickets/{id}/assign":         {"POST": (*Server).assignTicket},
	"/tickets/{id}/close":          {"POST": (*Server).closeTicket},
	"/tickets/{id}/reopen":         {"POST": (*Server).reopenTicket},
	"/tickets/{id}/merge":          {"POST": (*Server).mergeTickets},
	"/tickets/{id}/spam":           {"POST": (*Server).markSpam, "DELETE": (*Server).unmarkSpam},
	"/tickets/{id}/favorited":      {"POST": (*Server).star},
	"/tickets/{id}/favorited/0":    {"DELETE": (*Server).unstar},
	"/tickets/{id}/labels":         {"POST": (*Server).attachLabel},
	"/tickets/{id}/labels/{label}": {"DELETE": (*Server).detachLabel},

	"/tickets/{id}/messages":           {"GET": (*Server).listMessages, "POST": (*Server).createMessage},
	"/tickets/{id}/messages/{message}": {"GET": (*Server).getMessage, "DELETE": (*Server).deleteMessage},
	"/wa_sessions":                     {"POST": (*Server).startConversation},

	"/users":              {"GET": (*Server).listUsers, "POST": (*Server).createUser},
	"/users/{id}":         {"GET": (*Server).getUser},
	"/sms_messages":       {"GET": (*Server).listResource, "POST": (*Server).createResource},
	"/quick_replies":      {"GET": (*Server).listResource, "POST": (*Server).createQuickReply},
	"/quick_replies/{id}": {"PUT": (*Server).updateQuickReply, "DELETE": (*Server).deleteResource},

	"/webhooks":      {"GET": (*Server).listResource, "POST": (*Server).createWebhook},
	"/webhooks/{id}": {"GET": (*Server).getResource, "PUT": (*Server).updateWebhook, "DELETE": (*Server).deleteResource},

	"/labels":              listOf,
	"/labels/{id}":         oneOf,
	"/teams":               listOf,
	"/teams/{id}":          oneOf,
	"/custom_fields":       listOf,
	"/custom_fields/{id}":  {"GET": (*Server).getResource, "PUT": (*Server).updateCustomField, "DELETE": (*Server).deleteResource},
	"/ticket_results":      listOf,
	"/ticket_results/{id}": oneOf,
	"/contact_groups":      listOf,
	"/contact_groups/{id}": oneOf,
})

// The methods of resources without special rules.
var (
	listOf = methods{"GET": (*Server).listResource, "POST": (*Server).createResource}
	oneOf  = methods{"GET": (*Server).getResource, "PUT": (*Server).updateResource, "DELETE": (*Server).deleteResource}
)

// A router finds the route of a path.
type router []route

func newRouter(patterns map[string]methods) router {
	var all router
	for pattern, methods := range patterns {
		all = append(all, route{path: segments(pattern), methods: methods})
	}
	return all
}

// find returns the methods of the route that matches path, and the segments that
// are IDs. The methods are nil if no route matches.
func (rt router) find(path string) (found methods, ids []string) {
	given := segments(path)
	for _, r := range rt {
		if ids, matches := r.match(given); matches {
			return r.methods, ids
		}
	}
	return nil, nil
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

type route struct {
	path    []string
	methods methods
}

// match returns the segments of path that are IDs.
func (r route) match(path []string) (ids []string, matches bool) {
	if len(r.path) != len(path) {
		return nil, false
	}
	for i, segment := range r.path {
		switch {
		case strings.HasPrefix(segment, "{"):
			ids = append(ids, path[i])
		case segment != path[i]:
			return nil, false
		}
	}
	return ids, true
}

// route calls the handler of a path. A path outside the API gets a web page, a
// known path with another method 405.
func (s *Server) route(c *call) response {
	if !c.known {
		return s.unknownRoute()
	}
	found, params := routes.find(c.record.Path)
	if found == nil {
		return s.unknownRoute()
	}
	handle := found[routedMethod(c.record.Method)]
	if handle == nil {
		return s.methodNotAllowed(c, slices.Collect(maps.Keys(found)))
	}
	ids, valid := parseIDs(params)
	if !valid {
		return s.notFound()
	}
	c.ids = ids
	return handle(s, c)
}

// noSuchRoute handles a method that gets a web page instead of a 405, although its
// path has other methods.
func (s *Server) noSuchRoute(*call) response { return s.unknownRoute() }

func parseIDs(params []string) ([]int64, bool) {
	ids := make([]int64, len(params))
	for i, p := range params {
		id, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			return nil, false
		}
		ids[i] = id
	}
	return ids, true
}

func routedMethod(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}
