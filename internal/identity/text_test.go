package identity_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, tt := range map[string]struct {
		value any
		want  []string
	}{
		"text":                {" a ", []string{"a"}},
		"number":              {json.Number("31612345678"), []string{"31612345678"}},
		"array":               {[]any{"a", nil, true, json.Number("5"), ""}, []string{"a", "5"}},
		"array of objects":    {[]any{object{"email": "a"}, object{"mail": "b"}, "c"}, []string{"a", "c"}},
		"array in an array":   {[]any{[]any{"a"}, "b"}, []string{"b"}},
		"object":              {object{"email": "a"}, nil},
		"object in an object": {[]any{object{"email": object{"email": "a"}}}, nil},
		"nothing":             {nil, nil},
		"empty array":         {[]any{}, nil},
	} {
		if got := slices.Collect(identity.Texts(tt.value, "email")); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
