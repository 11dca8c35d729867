package filestore

import (
	"encoding/binary"

	"github.com/vkrouter/vk/internal/memstore"
)

// appendRecord appends a record to the payload of a frame: the deadline, the key
// and the value.
func appendRecord(b []byte, key string, value []byte, deadline memstore.Deadline) []byte {
	b = binary.AppendUvarint(b, uint64(deadline))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// readRecords calls each with the records in the payload of a frame. It stops at
// a malformed record and returns the number of the bytes before it and errRecord.
// The value is valid until the payload changes.
func readRecords(payload []byte, each func(key string, value []byte, deadline memstore.Deadline)) (n int, err error) {
	rest := payload
	part := func(n uint64) []byte {
		b := rest[:n]
		rest = rest[n:]
		return b
	}
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(rest)
		part(uint64(max(size, 0)))
		return n, size > 0
	}
	for len(rest) > 0 {
		begin := len(payload) - len(rest)
		deadline, ok1 := number()
		n, ok2 := number()
		if !ok1 || !ok2 || int64(deadline) < 0 || n == 0 || n > min(memstore.MaxKey, uint64(len(rest))) {
			return begin, errRecord
		}
		key := string(part(n))
		n, ok := number()
		if !ok || n > min(memstore.MaxValue, uint64(len(rest))) {
			return begin, errRecord
		}
		each(key, part(n), memstore.Deadline(deadline))
	}
	return len(payload), nil
}
