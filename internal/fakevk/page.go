package fakevk

// page returns the part of a list given by offset and count.
func page[T any](list []T, offset, count int64) []T {
	list = list[min(offset, int64(len(list))):]
	return list[:min(count, int64(len(list)))]
}
