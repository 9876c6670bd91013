package trengotest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A call is one request while the server acts on it.
type call struct {
	record *Request
	known  bool // the path is below /api/v2
	fault  Fault
	now    time.Time
	user   *User   // whom the token stands for
	ids    []int64 // the ids in the path, in order
}

func (c *call) token() string {
	token, found := strings.CutPrefix(c.record.Header.Get("Authorization"), "Bearer ")
	if !found {
		return ""
	}
	return token
}

type handler func(*Server, *call) answer

type methods map[string]handler

type route struct {
	path    []string
	methods methods
}

// routes holds the API. A segment in braces is an id, and no two routes match the
// same path.
var routes = compile(map[string]methods{
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

// The methods of the kinds that have no rules of their own.
var (
	listOf = methods{"GET": (*Server).listResource, "POST": (*Server).createResource}
	oneOf  = methods{"GET": (*Server).getResource, "PUT": (*Server).updateResource, "DELETE": (*Server).deleteResource}
)

func compile(patterns map[string]methods) []route {
	var all []route
	for pattern, methods := range patterns {
		all = append(all, route{path: segments(pattern), methods: methods})
	}
	return all
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// route finds the handler of a path. A path that the API has not gives a web page,
// a path that it has with another method 405.
func (s *Server) route(c *call) answer {
	if !c.known {
		return s.unknownRoute()
	}
	path := segments(c.record.Path)
	for _, r := range routes {
		params, matches := r.match(path)
		if !matches {
			continue
		}
		handle := r.methods[routedMethod(c.record.Method)]
		if handle == nil {
			return s.methodNotAllowed(c, r.methods)
		}
		ids, valid := parseIDs(params)
		if !valid {
			return s.notFound()
		}
		c.ids = ids
		return handle(s, c)
	}
	return s.unknownRoute()
}

// match returns the segments of path that stand for an id.
func (r route) match(path []string) (params []string, matches bool) {
	if len(r.path) != len(path) {
		return nil, false
	}
	for i, segment := range r.path {
		switch {
		case strings.HasPrefix(segment, "{"):
			params = append(params, path[i])
		case segment != path[i]:
			return nil, false
		}
	}
	return params, true
}

// noSuchRoute handles what looks like a route and is none.
func (s *Server) noSuchRoute(*call) answer { return s.unknownRoute() }

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

func (s *Server) methodNotAllowed(c *call, methods methods) answer {
	allowed := make([]string, 0, len(methods))
	for method := range methods {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	a := s.failure(http.StatusMethodNotAllowed, "The "+c.record.Method+" method is not supported for this route.")
	a.header.Set("Allow", strings.Join(allowed, ", "))
	return a
}
