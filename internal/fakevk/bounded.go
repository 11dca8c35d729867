package fakevk

// A bounded map drops its oldest entries, so that the uploads of a bot under
// load do not fill the memory.
type bounded[V any] struct {
	limit int
	m     map[string]V
	order []string // the keys, oldest first; some may be gone already
}

func newBounded[V any](limit int) *bounded[V] {
	return &bounded[V]{limit: limit, m: make(map[string]V)}
}

func (b *bounded[V]) get(key string) (V, bool) {
	v, ok := b.m[key]
	return v, ok
}

func (b *bounded[V]) put(key string, v V) {
	if _, known := b.m[key]; !known {
		b.order = append(b.order, key)
	}
	b.m[key] = v
	for len(b.order) > b.limit {
		delete(b.m, b.order[0])
		b.order[0] = ""
		b.order = b.order[1:]
	}
}
