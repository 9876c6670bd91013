package rawjson_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trengo-go/trengo/internal/rawjson"
)

func members(object string) (all []string) {
	for key, value := range rawjson.Members([]byte(object)) {
		all = append(all, key+"="+string(value))
	}
	return all
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for object, want := range map[string][]string{
		`{}`:                                  nil,
		" {\t} ":                              nil,
		`{"a":1}`:                             {`a=1`},
		` { "a" : 1 , "b" : 2 } `:             {`a=1`, `b=2`},
		`{"a":"x","a":null}`:                  {`a="x"`, `a=null`},
		`{"a":{"b":[1,{"c":2}]},"d":[{},[]]}`: {`a={"b":[1,{"c":2}]}`, `d=[{},[]]`},
		`{"a":"}\"{","b":"\\"}`:               {`a="}\"{"`, `b="\\"`},
		`{"a\"b":true,"\u0074ype":-1.5e3}`:    {`a"b=true`, `type=-1.5e3`},
		`{"":""}`:                             {`=""`},
		`[{"a":1}]`:                           nil,
		`"{\"a\":1}"`:                         nil,
		`null`:                                nil,
		``:                                    nil,
	} {
		if diff := cmp.Diff(want, members(object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", object, diff)
		}
	}
}

// The members are those that encoding/json finds.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,"]"],"\u0061":{"b":"\\"}}`, ` {"a" : "\"" } `, `[1]`, `{"\ud800":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		want := map[string]json.RawMessage{}
		if json.Unmarshal(data, &want) != nil {
			want = map[string]json.RawMessage{}
		}
		got := maps.Collect(rawjson.Members(data))
		if len(got) != len(want) {
			t.Fatalf("%q: members %q, want %q", data, got, want)
		}
		for key, value := range want {
			if string(got[key]) != string(value) {
				t.Errorf("%q: %q is %q, want %q", data, key, got[key], value)
			}
		}
	})
}

func TestElements(t *testing.T) {
	t.Parallel()
	for array, want := range map[string][]string{
		`[]`:                                nil,
		" [\n] ":                            nil,
		`[1]`:                               {`1`},
		` [ "a,]" , {"b":[2]} ,[ ] , null]`: {`"a,]"`, `{"b":[2]}`, `[ ]`, `null`},
		`{"a":1}`:                           nil,
		`5`:                                 nil,
		``:                                  nil,
	} {
		var got []string
		for element := range rawjson.Elements([]byte(array)) {
			got = append(got, string(element))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", array, diff)
		}
	}
}

// The elements are those that encoding/json finds.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{`[]`, `[[],"]",{"a":"\\"}]`, ` [1 , 2] `, `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		var want, got []json.RawMessage
		if json.Unmarshal(data, &want) != nil {
			want = nil
		}
		for element := range rawjson.Elements(data) {
			got = append(got, element)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", data, diff)
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	for object, want := range map[string][2]rawjson.Found{
		`{}`:                      {},
		`[1]`:                     {},
		`{"b":2,"a":1,"b":3}`:     {{Value: []byte("1")}, {Value: []byte("3")}},
		`{"A":1,"b":2,"B":3}`:     {{Stray: "A"}, {Value: []byte("2"), Stray: "B"}},
		`{"\u0061":null,"c":"b"}`: {{Value: []byte("null")}, {}},
	} {
		var got [2]rawjson.Found
		rawjson.Find([]byte(object), []string{"a", "b"}, got[:])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", object, diff)
		}
		for _, found := range got {
			missing, stray := found.Value == nil && found.Stray == "", found.Value == nil && found.Stray != ""
			if found.IsMissing() != missing || found.IsStray() != stray {
				t.Errorf("%s: %+v is missing: %t, stray: %t", object, found, found.IsMissing(), found.IsStray())
			}
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{`""`: "", `"a"`: "a", `"\u0061\n"`: "a\n", "\"\xff\"": "\ufffd"} {
		if got, ok := rawjson.Text([]byte(value)); got != want || !ok {
			t.Errorf("%s is %q, %t", value, got, ok)
		}
	}
	for _, value := range []string{"", "null", "5", `{"a":"b"}`, `["a"]`} {
		if got, ok := rawjson.Text([]byte(value)); ok {
			t.Errorf("%s is the text %q", value, got)
		}
	}
}
