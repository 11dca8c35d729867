package fakevk

// page is a part of a list by offset and count.
func page[T any](list []T, offset, count int64) []T {
	list = list[min(offset, int64(len(list))):]
	return list[:min(count, int64(len(list)))]
}
