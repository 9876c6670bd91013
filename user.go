package trengo

// A User is an agent of the workspace.
type User struct {
	ID           int64  `json:"id"`
	AgencyID     int64  `json:"agency_id"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name"`
	Name         string `json:"name"`
	FullName     string `json:"full_name"`
	Email        string `json:"email"`
	Phone        string `json:"phone"`
	Abbr         string `json:"abbr"`
	Color        string `json:"color"`
	Text         string `json:"text"`
	ProfileImage string `json:"profile_image"`
	LocaleCode   string `json:"locale_code"`
	Timezone     string `json:"timezone"`

	Status        string `json:"status"`
	UserStatus    string `json:"user_status"`
	IsOnline      Flag   `json:"is_online"`
	IsPrimary     Flag   `json:"is_primary"`
	ChatStatus    Flag   `json:"chat_status"`
	VoipStatus    string `json:"voip_status"`
	VoipDevice    string `json:"voip_device"`
	Authorization string `json:"authorization"` // such as OWNER
	Role          *Role  `json:"role"`
	RateLimit     int    `json:"rate_limit"`

	TwoFactorAuthenticationEnabled Flag      `json:"two_factor_authentication_enabled"`
	CreatedAt                      Timestamp `json:"created_at"`
}

// A Role is what a [User] may do.
type Role struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// A Team is a group of agents, to which tickets can be assigned.
type Team struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}
