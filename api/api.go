// Package api has a typed request for each method of VK's API that a community's
// token, a service key or a community's administrator may call. A request is a
// struct, and the type of its answer follows from it:
//
//	post, err := api.Call(ctx, client, api.WallPost{OwnerID: -1, FromGroup: true, Message: "Hi"})
//
//	for p, err := range api.Pages(ctx, client, api.WallGet{OwnerID: -1}) { … }
//
// A call goes through [vk.Client.Call], and so retries, limits, [vk.Client.Batch],
// [vk.Client.Use] and [vk.Client.Observer] hold for it as for any other. Where the
// root package has a method of its own, such as [vk.Client.Send], that does more than
// the request, and is shorter. Procedures that are stored at VK, and methods that are
// newer than this package, are for [vk.Call].
//
// # Requests
//
// Names are VK's, written as Go's: PeerIDs is peer_ids. A field that is zero is left
// out, but a required number or flag is sent. A required id, text or list that is zero
// is a [*vk.ParamError], and nothing is sent. Other limits stand in the comments only:
// VK moves them. A pointer is a parameter for which leaving it out differs from zero;
// [Set] makes one. Extra takes any parameter by VK's name, and wins over the fields.
//
// A method with different answers has several requests, such as [GroupsGetMembers] and
// [GroupsGetMembersFields].
//
// # Answers
//
// Answers consist of the root's models where these fit. [UserFull], [GroupFull] and
// [ProductFull] add the fields that the models leave out. Values of another kind than
// their field are zero, as in every call; an answer that is another thing as a whole
// is an [*AnswerError].
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"time"

	"github.com/vkrouter/vk"
)

//go:generate go run ../internal/gen -C .. code

// A Request is a call of a method that is answered with an R. The structs of this
// package are.
type Request[R any] interface {
	// Request returns the method and its parameters, or a [*vk.ParamError] if a
	// required one is missing.
	Request() (method string, p vk.Params, err error)

	answer() R // never called: it ties R to the request
}

// A List is a request that is answered page by page, with items of type T.
type List[T any] interface {
	Request() (method string, p vk.Params, err error)

	item() T // never called
}

// Call makes a request and returns its answer. It is [vk.Call] with types.
func Call[R any](ctx context.Context, c *vk.Client, r Request[R]) (R, error) {
	var answer R
	method, p, err := checked(c, r)
	if err != nil {
		return answer, err
	}
	var raw json.RawMessage
	if err := c.Call(ctx, method, p, &raw); err != nil {
		return answer, err
	}
	if !fits(raw, reflect.TypeFor[R]()) {
		return answer, &AnswerError{method, reflect.TypeFor[R]().String(), kindOf(raw)}
	}
	if err := vk.Decode(raw, &answer); err != nil {
		return answer, fmt.Errorf("vk: %s: %w", method, err)
	}
	return answer, nil
}

// Pages returns the items of a list, fetched page by page as they are asked for. It
// is [vk.Pages] with types. An error ends the iteration, and comes with the zero T.
func Pages[T any](ctx context.Context, c *vk.Client, r List[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		method, p, err := checked(c, r)
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		vk.Pages[T](ctx, c, method, p)(yield)
	}
}

// checked returns the method and the parameters of a request, and checks the client.
func checked(c *vk.Client, r interface {
	Request() (string, vk.Params, error)
}) (method string, p vk.Params, err error) {
	if v := reflect.ValueOf(r); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", nil, &vk.ConfigError{Place: "api.Call", Text: "the request is nil", Mend: "give one, such as api.UsersGet{}"}
	}
	method, p, err = r.Request()
	if err == nil && c == nil {
		err = &vk.ConfigError{Place: method, Text: "the client is nil", Mend: "make one by vk.NewClient"}
	}
	return method, p, err
}

// An AnswerError says that VK's answer is another kind of thing than the request's,
// such as a number in the place of an object.
type AnswerError struct {
	Method string // the API method
	Want   string // the type of Go that the answer is decoded into
	Got    string // the kind of the answer: "object", "list", "string", "number" or "bool"
}

// Error names the method, the type and the kind of the answer. It shows nothing of the
// answer itself, which may hold keys.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("vk: %s: the answer is a JSON %s, no %s", e.Method, e.Got, e.Want)
}

// kindOf returns the kind of a JSON value.
func kindOf(raw []byte) string {
	switch bytes.TrimSpace(raw)[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	}
	return "number"
}

// fits reports whether an answer can be a value of the type. VK writes an empty object
// as [], some lists as objects with numbers as keys, and numbers as strings.
func fits(raw []byte, t reflect.Type) bool {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" || t == reflect.TypeFor[json.RawMessage]() {
		return true
	}
	object, array := raw[0] == '{', raw[0] == '['
	empty := array && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return object || empty
	case reflect.Pointer:
		return fits(raw, t.Elem())
	case reflect.Slice:
		return array || object && isNumbered(raw)
	}
	return !object && !array
}

// isNumbered reports whether all keys of an object are numbers.
func isNumbered(object []byte) bool {
	var all map[uint64]json.RawMessage
	return json.Unmarshal(object, &all) == nil
}

// Set returns a pointer to v, for parameters for which leaving them out differs from
// zero.
func Set[T any](v T) *T { return &v }

// ID returns an id as text, for parameters that take an id or a screen name.
func ID(id int64) string { return strconv.FormatInt(id, 10) }

// IDs returns ids as texts, for parameters that take ids or screen names.
func IDs(ids ...int64) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = ID(id)
	}
	return texts
}

var timeType = reflect.TypeFor[time.Time]()
