package fakevk

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// gzipMin is the shortest answer that is compressed, in bytes.
const gzipMin = 256

// gzipWriters keeps compressors, each of which holds much memory.
var gzipWriters = sync.Pool{New: func() any {
	zw, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
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
