package fakevk

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// gzipMin is the length in bytes from which a response is compressed.
const gzipMin = 256

// gzipWriters pools compressors, because each uses much memory.
var gzipWriters = sync.Pool{New: func() any {
	zw, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return zw
}}

func compress(b []byte) []byte {
	var out bytes.Buffer
	zw := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(zw)
	zw.Reset(&out)
	zw.Write(b) // a bytes.Buffer does not fail
	zw.Close()
	return out.Bytes()
}
