package trengo

// A Label marks tickets.
type Label struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug"`
	Color     string    `json:"color"` // such as #5D9CEC
	SortOrder int       `json:"sort_order"`
	Archived  Timestamp `json:"archived"`
}
