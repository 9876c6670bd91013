package trengo

import (
	"encoding/json"
	"errors"
	"strconv"
)

// A Channel is an inbox: an email address, a WhatsApp number and so on. Most
// fields are empty where the channel is a part of a ticket.
type Channel struct {
	ID int64 `json:"id"`
	// Name is a generic word or empty; Title is what people call the channel.
	Name        string `json:"name"`
	Title       string `json:"title"`
	DisplayName string `json:"display_name"`
	Text        string `json:"text"`
	// Type is EMAIL, SMS, VOIP, WA_BUSINESS, CHAT, TELEGRAM or another.
	Type   string `json:"type"`
	Status string `json:"status"`
	Phone  string `json:"phone"`
	Color  string `json:"color"`

	AutoReply          string `json:"auto_reply"`
	NotificationEmail  string `json:"notification_email"`
	NotificationSound  string `json:"notification_sound"`
	BusinessHourID     int64  `json:"business_hour_id"`
	Username           string `json:"username"`
	PasswordIsNull     Flag   `json:"password_is_null"`
	IsPrivate          Flag   `json:"is_private"`
	ShowTicketFields   Flag   `json:"show_ticket_fields"`
	ShowContactFields  Flag   `json:"show_contact_fields"`
	ReopenClosedTicket Flag   `json:"reopen_closed_ticket"`
	// ReopenClosedTicketTimeWindowDays is for how many days a new message
	// reopens a closed ticket.
	ReopenClosedTicketTimeWindowDays int  `json:"reopen_closed_ticket_time_window_days"`
	ReassignReopenedTicket           Flag `json:"reassign_reopened_ticket"`

	Users        []json.RawMessage `json:"users"`
	EmailChannel *EmailChannel     `json:"emailChannel"`
}

// UnmarshalJSON leaves a field empty that has the wrong type, and reads the window
// for reopening tickets as 30 or "30", both of which Trengo sends. A struct that
// embeds a Channel inherits this method; make it a named field instead.
func (c *Channel) UnmarshalJSON(data []byte) error {
	type plainChannel Channel // without this method
	c.ReopenClosedTicketTimeWindowDays = 0
	err := json.Unmarshal(data, (*plainChannel)(c))
	if !errors.As(err, new(*json.UnmarshalTypeError)) {
		return err
	}
	var asText struct {
		Days string `json:"reopen_closed_ticket_time_window_days"`
	}
	if err := unmarshalLeniently(data, &asText); err != nil {
		return err
	}
	if days, err := strconv.Atoi(asText.Days); err == nil {
		c.ReopenClosedTicketTimeWindowDays = days
	}
	return nil
}

// An EmailChannel is the settings of a channel of type EMAIL.
type EmailChannel struct {
	ChannelID              int64           `json:"channel_id"`
	Type                   string          `json:"type"`
	EmailThemeID           int64           `json:"email_theme_id"`
	SenderEmail            string          `json:"sender_email"`
	SenderEmailID          int64           `json:"sender_email_id"`
	SenderName             string          `json:"sender_name"`
	SenderNamePersonal     Flag            `json:"sender_name_personal"`
	Signature              string          `json:"signature"` // HTML with placeholders
	AutoReplyBody          string          `json:"auto_reply_body"`
	AutoReplyEnabled       Flag            `json:"auto_reply_enabled"`
	AutoReplySubject       string          `json:"auto_reply_subject"`
	Branding               Flag            `json:"branding"`
	BrandingServiceName    string          `json:"branding_service_name"`
	SplitBySubject         Flag            `json:"split_by_subject"`
	SplitBySender          Flag            `json:"split_by_sender"`
	EmbedAttachments       Flag            `json:"embed_attachments"`
	PrependTicketNumber    Flag            `json:"prepend_ticket_number_to_subject"`
	AddConversationToReply Flag            `json:"add_conversation_to_reply"`
	SpamSetting            string          `json:"spam_setting"`
	FontFamily             string          `json:"font_family"`
	Meta                   json.RawMessage `json:"meta"`
	CreatedAt              Timestamp       `json:"created_at"`
	UpdatedAt              Timestamp       `json:"updated_at"`
}
