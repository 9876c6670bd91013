module github.com/trengo-go/trengo

go 1.25.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/hashicorp/go-retryablehttp v0.7.8
	github.com/valyala/fasttemplate v1.2.2
	golang.org/x/time v0.15.0
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
)
