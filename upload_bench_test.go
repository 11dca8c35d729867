package vk_test

import (
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/versus"
)

// zeros is a reader of n zero bytes, and nothing but a reader.
func zeros(n int64) io.Reader { return plain{io.LimitReader(zero{}, n)} }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// newSink plays VK on a port of the loopback interface; its upload server reads
// files and forgets them.
func newSink(tb testing.TB) *uploadVK {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	v := newUploadVK(tb, l)
	v.early = func(w http.ResponseWriter, r *http.Request) bool {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			tb.Error(err)
		}
		io.WriteString(w, photoAnswer)
		return true
	}
	return v
}

// barePipe uploads as one would by hand: a multipart writer behind a pipe, one
// request, nothing around it.
func barePipe(hc *http.Client, address string, r io.Reader) error {
	pr, pw := io.Pipe()
	w := multipart.NewWriter(pw)
	go func() {
		part, err := w.CreateFormFile("photo", "photo.png")
		if err == nil {
			_, err = io.Copy(part, r)
		}
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	resp, err := hc.Post(address, w.FormDataContentType(), pr)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// peak runs f and returns by how much the heap, garbage included, was larger
// at most than before.
func peak(f func()) uint64 {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	runtime.GC() // also what pools held
	base, most := heap(), uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	<-watched
	return max(most, base) - base
}

// TestUploadMemory: however long a reader is, little of it is in memory.
func TestUploadMemory(t *testing.T) {
	v := newSink(t)
	upload := func() {
		if _, err := v.client.Upload(t.Context(), vk.PhotoFor(1), vk.Reader("", zeros(64<<20))); err != nil {
			t.Error(err)
		}
	}
	upload() // connections and pools
	p := peak(upload)
	t.Logf("peak heap: %d KiB above base", p>>10)
	if p > 2<<20 {
		t.Errorf("64 MiB took %d bytes of heap", p)
	}
}

// BenchmarkUpload uploads from a plain reader over loopback, in times of a bare
// io.Pipe that does the same. It also reports by how many MiB the heap of each
// was larger than before.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int64{1, 64, 256} { // MiB
		b.Run(fmt.Sprintf("MiB=%d", size), func(b *testing.B) {
			v := newSink(b)
			v.client.RPS = -1 // each upload makes two calls
			address := v.client.BaseURL[:len(v.client.BaseURL)-len("method/")] + "upload.php"
			ours := func() {
				if _, err := v.client.Upload(b.Context(), vk.PhotoFor(1), vk.Reader("", zeros(size<<20))); err != nil {
					b.Fatal(err)
				}
			}
			bare := func() {
				if err := barePipe(v.client.HTTPClient, address, zeros(size<<20)); err != nil {
					b.Fatal(err)
				}
			}
			ours()
			bare()
			ourPeak, barePeak := peak(ours), peak(bare)
			versus.Run(b, "io.Pipe", 1, ours, bare)
			b.ReportMetric(float64(ourPeak)/(1<<20), "ours-MiB-peak")
			b.ReportMetric(float64(barePeak)/(1<<20), "bare-MiB-peak")
		})
	}
}
