package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestUserID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"u1", "1", "10", "007", "-7", "42", "ann", "admin", "u-1", "user1", "user_42", "guest-8f3a01", "test-7", "anna", "Nilsson",
		"ann@example.com", "null@example.com", "9007199254740992", "507f1f77bcf86cd799439011",
		"00000000-0000-0000-0000-000000000001", "1152921504606846977", "00u1", "用户", "12e4", "1e999",
		"Infinity", strings.Repeat("x", 100_000), strings.Repeat("1", 100_000),
	} {
		t.Run("an ID such as "+id[:min(40, len(id))], func(t *testing.T) {
			t.Parallel()
			if got := identity.UserID(" " + id + "\n"); got != id {
				t.Errorf("%.40q, want %.40q", got, id)
			}
		})
	}
	for _, id := range []string{
		"", " ", "\u200b", "guest", "GUEST", " Guest ", "guest_user", "Guest User", "Gast", "anonymous", "Anonymous", "anon",
		"0", "0.0", "000", "-0", "-1", "00000000-0000-0000-0000-000000000000", "null", "NULL", "<null>", "(null)", "'null'", `\N ull`,
		"undefined", "[undefined]", "Undefined ", "nil", "<nil>", "none", "None", "NaN", "N/A", "n/a", "n.a.", "NA", "-", "--", "–", "?", "...",
		"unknown", "(unknown)", "not set", "(not set)", "not_set", "No User", "no-user", "test", "Test", "test-user", "testuser",
		"[object Object]", "true", "false", "userId", "user_id", "{{userId}}", "{{ customer.id }}", "${user.id}", "<%= user %>", "%%id%%",
		"default", "nobody", "system",
		"9007199254740994", "12345678901234567000", "-9007199254740994", "1.2345678901234568e+21", "1e30",
	} {
		t.Run("nobody is called "+id, func(t *testing.T) {
			t.Parallel()
			if got := identity.UserID(id); got != "" {
				t.Errorf("%q", got)
			}
		})
	}
}
