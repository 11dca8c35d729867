package api

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk"
)

// Stub returns a wrapper for [vk.Client.Use] that answers the requests of one type by
// f, and lets all other calls pass. It is for tests.
//
// A call by [vk.Call] or [vk.Pages] counts, too, if it has the parameters that choose
// this type among those of its method. Parameters without a field are in Extra.
// The answer takes the way of VK's: it becomes JSON and is decoded again, so that fields
// that are in no JSON, such as Raw, are lost.
func Stub[R any, Q Request[R]](f func(context.Context, Q) (R, error)) func(vk.CallFunc) vk.CallFunc {
	typ := reflect.TypeFor[Q]()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	method, fixed := chosenBy(typ)
	return func(next vk.CallFunc) vk.CallFunc {
		return func(ctx context.Context, name string, p vk.Params) (json.RawMessage, error) {
			if name != method {
				return next(ctx, name, p)
			}
			request := reflect.New(typ)
			if !read(request.Elem(), p, fixed) {
				return next(ctx, name, p)
			}
			q, ok := request.Interface().(Q) // Q may be a pointer
			if !ok {
				q = request.Elem().Interface().(Q)
			}
			answer, err := f(ctx, q)
			if err != nil {
				return nil, err
			}
			raw, err := json.Marshal(answer)
			if err != nil {
				return nil, fmt.Errorf("vk: %s: the stub's answer: %w", method, err)
			}
			return raw, nil
		}
	}
}

// chosenBy returns the method of a type of request, and the parameters that the type
// fixes.
func chosenBy(typ reflect.Type) (method string, fixed vk.Params) {
	v := reflect.New(typ).Elem()
	extra := make(vk.Params)
	for _, f := range planOf(typ) {
		if f.required || f.always {
			extra[f.name] = nil // lifts the check
		}
	}
	v.FieldByName("Extra").Set(reflect.ValueOf(extra))
	method, p, err := v.Interface().(interface {
		Request() (string, vk.Params, error)
	}).Request()
	if err != nil {
		panic("api: " + err.Error()) // cannot be: nothing is required any more
	}
	for name := range extra {
		delete(p, name)
	}
	return method, p
}

// read fills a request from the parameters of a call. It returns false if the call is
// for another request of the method.
func read(v reflect.Value, p, fixed vk.Params) bool {
	left := make(vk.Params)
	for name, value := range p {
		if value != nil {
			left[name] = value
		}
	}
	for name, want := range fixed {
		if got, ok := left[name]; !ok || text(got) != text(want) {
			return false
		}
		delete(left, name)
	}
	extra, _ := v.Type().FieldByName("Extra")
	for name := range strings.SplitSeq(extra.Tag.Get("omits"), ",") {
		if _, ok := left[name]; ok {
			return false
		}
	}
	for _, f := range planOf(v.Type()) {
		value, ok := left[f.name]
		if !ok {
			if f.required {
				return false
			}
			continue
		}
		if readField(v.Field(f.index), value, f.json) {
			delete(left, f.name)
		}
	}
	if len(left) > 0 {
		v.FieldByName("Extra").Set(reflect.ValueOf(left))
	}
	return true
}

// readField sets a field to a parameter's value. It returns false if the value does
// not fit.
func readField(field reflect.Value, value any, isJSON bool) bool {
	if v := reflect.ValueOf(value); v.Type().AssignableTo(field.Type()) {
		field.Set(v)
		if !isJSON || field.Kind() != reflect.Interface {
			return true
		}
	}
	if isJSON {
		if raw, ok := value.(json.RawMessage); ok && field.Kind() == reflect.Interface {
			field.Set(reflect.ValueOf(raw))
			return true
		}
		return json.Unmarshal([]byte(text(value)), field.Addr().Interface()) == nil || field.Kind() == reflect.Interface
	}
	if field.Kind() == reflect.Pointer {
		target := reflect.New(field.Type().Elem())
		ok := readField(target.Elem(), value, false)
		field.Set(target)
		return ok
	}
	return parse(field, text(value))
}

// parse sets a field to the value of a parameter's text.
func parse(field reflect.Value, s string) bool {
	if field.Type() == timeType {
		n, err := strconv.ParseInt(s, 10, 64)
		field.Set(reflect.ValueOf(time.Unix(n, 0).UTC()))
		return err == nil
	}
	var err error
	switch field.Kind() {
	case reflect.String:
		field.SetString(s)
	case reflect.Bool:
		field.SetBool(s != "0" && s != "" && s != "false")
	case reflect.Int, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(s, 10, 64)
		field.SetInt(n)
	case reflect.Float64:
		var x float64
		x, err = strconv.ParseFloat(s, 64)
		field.SetFloat(x)
	case reflect.Slice:
		if s == "" {
			return true
		}
		parts := strings.Split(s, ",")
		list := reflect.MakeSlice(field.Type(), len(parts), len(parts))
		for i, part := range parts {
			if !parse(list.Index(i), part) {
				return false
			}
		}
		field.Set(list)
	default:
		return false
	}
	return err == nil
}

// text returns a parameter's value in the form in which VK takes it.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.RawMessage:
		return string(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	case time.Time:
		return strconv.FormatInt(v.Unix(), 10)
	case time.Duration:
		return strconv.FormatInt(int64(v/time.Second), 10)
	case encoding.TextMarshaler:
		b, _ := v.MarshalText()
		return string(b)
	case fmt.Stringer:
		return v.String()
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i).Interface())
		}
		return strings.Join(parts, ",")
	case reflect.Map, reflect.Struct:
		b, _ := json.Marshal(value)
		return string(b)
	case reflect.Bool:
		return text(v.Bool())
	}
	return fmt.Sprint(value)
}
