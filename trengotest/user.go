package trengotest

import (
	"fmt"
	"slices"
	"strings"
)

const agencyID = 15001

// A User is a person who works at the help desk, as opposed to a customer.
type User struct {
	// ID identifies the user. If it is zero, AddUser assigns the next ID.
	ID int64

	// FirstName, LastName and Email are the name and the email address.
	FirstName, LastName, Email string

	// Token is an accepted token that acts as this user. It is independent of
	// SetTokens. "" means none.
	Token string
}

func (u *User) name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// AddUser adds a user, or replaces the one with the same ID, and returns it as
// stored.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.putUser(u)
}

func (s *Server) putUser(u User) *User {
	u.ID = s.users.ids.take(u.ID)
	s.users.put(u.ID, &u)
	return &u
}

// Users returns the users in ascending order of their IDs.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []User
	for _, u := range s.users.all(nil) {
		all = append(all, *u)
	}
	return all
}

// userOf returns the user as whom a token acts, or nil if it is not accepted.
func (s *Server) userOf(token string) *User {
	if slices.Contains(s.tokens, token) {
		return s.users.first()
	}
	for _, u := range s.users.all(nil) {
		if u.Token != "" && u.Token == token {
			return u
		}
	}
	return nil
}

// allTokens returns every accepted token.
func (s *Server) allTokens() []string {
	tokens := slices.Clone(s.tokens)
	for _, u := range s.users.all(nil) {
		if u.Token != "" && !slices.Contains(tokens, u.Token) {
			tokens = append(tokens, u.Token)
		}
	}
	return tokens
}

func (s *Server) listUsers(c *call) response {
	return listResponse(s, c, listing{size: defaultPageSize, totals: true}, s.users.all(nil), s.userObject)
}

func (s *Server) getUser(c *call) response {
	u := s.users.get(c.ids[0])
	if u == nil {
		return s.notFound()
	}
	return ok(s.userObject(u))
}

func (s *Server) createUser(c *call) response {
	in := s.newInput(c)
	in.require("email", "first_name")
	u := User{FirstName: in.text("first_name"), LastName: in.text("last_name"), Email: in.text("email")}
	if in.failed() {
		return in.unprocessable()
	}
	return ok(s.userObject(s.putUser(u)))
}

func agencyObject() object {
	return object{"id": agencyID, "name": "Example Ltd", "slug": "example", "timezone": "Europe/Amsterdam"}
}

func (s *Server) userObject(u *User) object {
	return object{
		"id":                                u.ID,
		"agency_id":                         agencyID,
		"first_name":                        u.FirstName,
		"last_name":                         nullText(u.LastName),
		"name":                              u.name(),
		"full_name":                         u.name(),
		"email":                             u.Email,
		"abbr":                              initial(u.FirstName),
		"phone":                             nil,
		"color":                             "#4caf50",
		"locale_code":                       "en-GB",
		"status":                            "ACTIVE",
		"text":                              u.name(),
		"is_online":                         1,
		"user_status":                       "ONLINE",
		"chat_status":                       "1",
		"voip_status":                       "OFFLINE",
		"voip_device":                       "WEB",
		"profile_image":                     nil,
		"authorization":                     "OWNER",
		"role":                              object{"id": 5, "name": "administrator"},
		"is_primary":                        1,
		"timezone":                          "Europe/Amsterdam",
		"created_at":                        "2021-01-04 09:00:00",
		"two_factor_authentication_enabled": false,
	}
}

// rawUser is the database row of a user, or null. Its chat_status has another type
// than that of userObject.
func (s *Server) rawUser(u *User) any {
	if u == nil {
		return nil
	}
	return s.userObject(u).with(object{
		"authorization":    nil,
		"chat_status":      true,
		"rate_limit":       750,
		"activation_token": fmt.Sprintf("activation-token-%d", u.ID),
		"created_at":       "2021-01-04T08:00:00.000000Z",
		"updated_at":       "2021-01-04T08:00:00.000000Z",
	})
}

// userOrNull is a user in another object, or null.
func (s *Server) userOrNull(id int64) any {
	if u := s.users.get(id); u != nil {
		return s.userObject(u)
	}
	return nil
}
