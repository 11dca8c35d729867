package api

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// A param is how a field of a request becomes a parameter.
type param struct {
	index    int
	name     string
	required bool // zero is refused
	always   bool // zero is sent
	json     bool // the value is sent as JSON
}

// plans are the params of each type of request.
var plans sync.Map // by reflect.Type

// planOf returns the params of a type of request. Its tags have the name of the
// parameter, and the options required, always and json.
func planOf(t reflect.Type) []param {
	if p, ok := plans.Load(t); ok {
		return p.([]param)
	}
	var list []param
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("vk"), ",")
		if name == "-" {
			continue
		}
		p := param{index: i, name: name}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "required":
				p.required = true
			case "always":
				p.always = true
			case "json":
				p.json = true
			}
		}
		list = append(list, p)
	}
	plans.Store(t, list)
	return list
}

var (
	errRequired = errors.New("is required")
	errChosen   = errors.New("is fixed by the type of the request")
)

// request returns the method and the parameters of a request, which is a struct. The
// fixed ones are not the caller's to choose.
func request(method string, r any, fixed, extra vk.Params) (string, vk.Params, error) {
	v := reflect.ValueOf(r)
	p := make(vk.Params)
	for _, f := range planOf(v.Type()) {
		field := v.Field(f.index)
		if _, own := extra[f.name]; own {
			continue
		}
		switch empty := isEmpty(field); {
		case empty && f.required:
			return method, nil, &vk.ParamError{Method: method, Name: f.name, Err: errRequired}
		case empty && !f.always:
			continue
		}
		value, err := valueOf(field, f.json)
		if err != nil {
			return method, nil, &vk.ParamError{Method: method, Name: f.name, Err: err}
		}
		p[f.name] = value
	}
	maps.Copy(p, fixed)
	for name, value := range extra {
		if _, ok := fixed[name]; ok {
			return method, nil, &vk.ParamError{Method: method, Name: name, Err: errChosen}
		}
		p[name] = value
	}
	return method, p, nil
}

// isEmpty reports whether a field is to be left out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Interface:
		switch in := v.Elem(); in.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			return in.IsNil()
		}
	}
	if v.Type() == timeType {
		return v.Interface().(time.Time).IsZero()
	}
	return v.IsZero()
}

// valueOf returns the value of a field as a parameter.
func valueOf(v reflect.Value, asJSON bool) (any, error) {
	if asJSON {
		switch text := v.Interface().(type) {
		case string:
			return text, nil
		case json.RawMessage:
			return text, nil
		}
		b, err := json.Marshal(v.Interface())
		return json.RawMessage(b), err
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v.Interface(), nil
}
