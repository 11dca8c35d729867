package api

import (
	"bytes"
	"context"
	"encoding/json"
	img "image"
	"image/png"
	"io"
	"log/slog"
	"reflect"
	"testing"

	"github.com/vkrouter/vk"
)

// A tabled request is one of the generated tables.
type tabled struct {
	request tabledRequest
	answer  reflect.Type // of the answer, or of the items
	pages   func(ctx context.Context, c *vk.Client, r any) (first any, err error)
}

type tabledRequest = interface {
	Request() (method string, p vk.Params, err error)
}

func (t tabled) name() string { return reflect.TypeOf(t.request).Name() }

// entry returns a request with the type of its answer.
func entry[R any](r Request[R]) tabled { return tabled{request: r, answer: reflect.TypeFor[R]()} }

// item returns a list with the type of its items.
func item[T any](r List[T]) tabled {
	return tabled{request: r, answer: reflect.TypeFor[T](), pages: func(ctx context.Context, c *vk.Client, r any) (any, error) {
		for v, err := range Pages(ctx, c, r.(List[T])) {
			return v, err
		}
		return nil, nil
	}}
}

// answering is a Client that answers every call by f.
func answering(f func(ctx context.Context, method string, p vk.Params) (string, error)) *vk.Client {
	c := vk.NewClient("token")
	c.Use(func(vk.CallFunc) vk.CallFunc {
		return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
			s, err := f(ctx, method, p)
			return json.RawMessage(s), err
		}
	})
	return c
}

// textLogger logs to w, in the goroutine of the caller.
func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// image returns a PNG.
func image(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img.NewGray(img.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
