package rawjson_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/rawjson"
)

// numbered returns an object with n members of that value.
func numbered(n int, value string) string {
	var object strings.Builder
	for i := range n {
		fmt.Fprintf(&object, `,"key%d":%s`, i, value)
	}
	return "{" + object.String()[1:] + "}"
}

func listOf(n int, value string) string { return "[" + strings.Repeat(value+",", n) + value + "]" }

func decode(t *testing.T, value string) (decoded any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// heapOf returns how many bytes a decoded value keeps.
func heapOf(t *testing.T, value string) int64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	decoded := decode(t, value)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(decoded)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// The estimate is about enough for every shape, and not far too much for any.
func TestDecodedSize(t *testing.T) {
	const n = 20_000
	for name, value := range map[string]string{
		"a long text":            `"` + strings.Repeat("x", 20*n) + `"`,
		"a long text of commas":  `"` + strings.Repeat(`,\"{[`, 10*n) + `"`,
		"empty objects":          listOf(n, "{}"),
		"objects of one":         listOf(n, `{"":0}`),
		"objects of eight":       listOf(n, numbered(8, "1")),
		"objects of nine":        listOf(n, numbered(9, "1")),
		"objects of 15":          listOf(n, numbered(15, "1")),
		"objects of 30":          listOf(n/10, numbered(30, "1")),
		"empty arrays":           listOf(n, "[]"),
		"arrays of one":          listOf(n, "[0]"),
		"digits":                 listOf(n, "0"),
		"long numbers":           listOf(n, "1234567.8901234567"),
		"nulls":                  listOf(n, "null"),
		"empty texts":            listOf(n, `""`),
		"short texts":            listOf(n, `"ab"`),
		"a wide object":          numbered(n, "true"),
		"a wide object of texts": numbered(n, `"text"`),
		"pretty":                 listOf(n, "  {\n\t\t \"a\" : [ ] }\n"),
		"deep":                   strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
		"deep arrays":            strings.Repeat(`[`, 5000) + strings.Repeat("]", 5000),
		"products":               listOf(n/10, `{"product_id":"507f1f77bcf86cd799439011","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19.5,"position":1,"category":"Games","url":"https://www.example.com/product/path","image_url":"https://www.example.com/product/path.jpg"}`),
	} {
		heap, estimate := heapOf(t, value), rawjson.DecodedSize([]byte(value))
		if ratio := float64(estimate) / float64(heap); ratio < 0.8 || ratio > 3.5 {
			t.Errorf("%s: %d bytes take %d, the estimate is %d", name, len(value), heap, estimate)
		} else {
			t.Logf("%s: %.2f", name, ratio)
		}
	}
}
