package fakevk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The values of a script are nil, bool, string, json.Number, *array and *object;
// the last two are shared by whoever holds them, as in JavaScript. A number
// keeps its digits until something is computed with it. What a call answered is
// an *answered, until somebody looks into it.

type array struct{ items []any }

// An answered is the answer to a call, read when it must be: most scripts only
// return it.
type answered struct {
	raw   json.RawMessage // nil once it is read
	value any
}

// plain is a value itself, whether or not it is the answer to a call.
func plain(v any) any {
	a, ok := v.(*answered)
	if !ok {
		return v
	}
	if a.raw != nil {
		a.value, a.raw = decodeScript(a.raw), nil
	}
	return a.value
}

// An object keeps the order of its keys.
type object struct {
	names  []string
	values []any
	index  map[string]int
}

func (o *object) get(name string) any {
	if i, ok := o.index[name]; ok {
		return o.values[i]
	}
	return nil
}

// set gives a key a value; the last of several counts.
func (o *object) set(name string, v any) {
	if i, ok := o.index[name]; ok {
		o.values[i] = v
		return
	}
	if o.index == nil {
		o.index = make(map[string]int)
	}
	o.index[name] = len(o.names)
	o.names = append(o.names, name)
	o.values = append(o.values, v)
}

func (o *object) delete(name string) {
	i, ok := o.index[name]
	if !ok {
		return
	}
	o.names, o.values = slices.Delete(o.names, i, i+1), slices.Delete(o.values, i, i+1)
	delete(o.index, name)
	for ; i < len(o.names); i++ {
		o.index[o.names[i]] = i
	}
}

// sort puts the keys in their order.
func (o *object) sort() {
	was := o.index
	values := slices.Clone(o.values)
	slices.SortFunc(o.names, cmp.Compare)
	o.index = make(map[string]int, len(was))
	for i, name := range o.names {
		o.values[i] = values[was[name]]
		o.index[name] = i
	}
}

// field is v.key, or v[key]. What has no such field, null and the false of a
// call that failed among them, gives null.
func (m *machine) field(v, key any) any {
	switch v := plain(v).(type) {
	case *object:
		return v.get(m.text(key))
	case *array:
		if key == "length" {
			return number(len(v.items))
		}
		if i, ok := index(key); ok && i < len(v.items) {
			return v.items[i]
		}
	case string:
		if key == "length" {
			m.made(len(v) / 16)
			return number(utf8.RuneCountInString(v))
		}
	}
	return nil
}

// setField is v.key = to. An array grows up to the index.
func (m *machine) setField(v, key, to any) {
	switch v := v.(type) {
	case *object:
		m.made(elementSize)
		v.set(m.text(key), to)
		return
	case *array:
		if i, ok := index(key); ok {
			more := i + 1 - len(v.items)
			if more > maxExecuteCopied/elementSize {
				m.fail("memory limit is exceeded")
			}
			if more > 0 {
				m.made(elementSize * more)
				v.items = append(v.items, make([]any, more)...)
			}
			v.items[i] = to
			return
		}
	}
	m.fail("a field of %s cannot be set", kindOf(v))
}

// index is a key as the index of an array.
func index(key any) (int, bool) {
	n, ok := numeric(key)
	if !ok || !n.whole || n.i < 0 || n.i > math.MaxInt32 {
		return 0, false
	}
	return int(n.i), true
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case *array:
		return "an array"
	}
	return "an object"
}

// truth: as in JavaScript, empty arrays and objects are true.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		n, _ := numeric(v)
		return n.f != 0
	}
	return true
}

// A num is a number to compute with: i holds it as well if it is whole and
// small enough.
type num struct {
	f     float64
	i     int64
	whole bool
}

func whole(i int64) num { return num{float64(i), i, true} }

// numeric is a value as a number, if it is one: null and false are 0, true is 1,
// and a string is what it says.
func numeric(v any) (num, bool) {
	switch v := v.(type) {
	case nil:
		return whole(0), true
	case bool:
		return whole(int64(boolInt(v))), true
	case json.Number:
		return parseNum(string(v))
	case string:
		if s := strings.TrimSpace(v); s != "" {
			return parseNum(s)
		}
		return whole(0), true
	}
	return num{}, false
}

func parseNum(s string) (num, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return whole(i), true
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return num{}, false // neither hexadecimal, nor infinite, nor underlined
	}
	f, err := strconv.ParseFloat(s, 64)
	return num{f: f}, err == nil
}

// value is the number in a script, with the digits of JSON.
func (n num) value(m *machine) any {
	if n.whole {
		return json.Number(strconv.FormatInt(n.i, 10))
	}
	if math.IsInf(n.f, 0) || math.IsNaN(n.f) {
		m.fail("number is out of range")
	}
	return json.Number(mustJSON(n.f))
}

func number(n int) any { return json.Number(strconv.Itoa(n)) }

// parseNumber is parseInt and parseDouble: the number at the beginning of a
// text, 0 if there is none. Clients rely on it for arguments that are missing.
func parseNumber(v any, integer bool) any {
	if n, ok := v.(json.Number); ok {
		v = string(n)
	}
	s, ok := v.(string)
	if !ok {
		n, _ := numeric(v)
		return number(int(n.i))
	}
	s = strings.TrimSpace(s)
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	if s == "" || !isDigit(s[0]) && s[0] != '.' {
		return number(0)
	}
	p := parser{rest: s}
	n, _ := parseNum(p.number())
	f := n.f
	if negative {
		f = -f
	}
	switch {
	case integer || f == math.Trunc(f):
		f = math.Trunc(max(min(f, math.MaxInt64), math.MinInt64))
		if n.whole {
			if negative {
				n.i = -n.i
			}
			return json.Number(strconv.FormatInt(n.i, 10))
		}
		if math.Abs(f) < 1<<53 {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
	case math.IsInf(f, 0):
		return number(0)
	}
	return json.Number(mustJSON(f))
}

// text is a value as a part of a text.
func (m *machine) text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case json.Number:
		n, _ := numeric(v)
		if n.whole {
			return strconv.FormatInt(n.i, 10)
		}
		return string(v)
	}
	return string(m.encode(v))
}

// commas joins an array of plain values.
func (m *machine) commas(a *array) (string, bool) {
	words := make([]string, len(a.items))
	for i, item := range a.items {
		switch plain(item).(type) {
		case *array, *object:
			return "", false
		}
		words[i] = m.paramText(item)
	}
	return strings.Join(words, ","), true
}

// encode is a value as JSON. Values that contain themselves, and those that
// are small here and huge as JSON, end the run.
func (m *machine) encode(v any) []byte {
	var b bytes.Buffer
	m.encodeTo(&b, v, 0)
	m.made(b.Len())
	return b.Bytes()
}

func (m *machine) encodeTo(b *bytes.Buffer, v any, depth int) {
	switch {
	case b.Len() > maxExecuteResponse:
		m.fail("response size is too big")
	case depth > maxExecuteDepth:
		m.fail("value is nested too deeply")
	}
	switch v := v.(type) {
	case *answered:
		if v.raw != nil {
			b.Write(v.raw)
			return
		}
		m.encodeTo(b, v.value, depth)
	case *array:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			m.encodeTo(b, item, depth+1)
		}
		b.WriteByte(']')
	case *object:
		b.WriteByte('{')
		for i, name := range v.names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(mustJSON(name))
			b.WriteByte(':')
			m.encodeTo(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	case json.Number:
		b.WriteString(string(v))
	default:
		b.Write(mustJSON(v))
	}
}

// decodeScript makes a value of an answer of the API, with its numbers and the
// order of its keys as they are.
func decodeScript(body []byte) any {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return decodeValue(dec)
}

// decodeValue reads one value: our own answer, which is valid.
func decodeValue(dec *json.Decoder) any {
	t, err := dec.Token()
	if err != nil {
		return nil
	}
	switch t {
	case json.Delim('['):
		a := &array{items: []any{}}
		for dec.More() {
			a.items = append(a.items, decodeValue(dec))
		}
		dec.Token()
		return a
	case json.Delim('{'):
		o := new(object)
		for dec.More() {
			name, _ := dec.Token()
			text, _ := name.(string)
			o.set(text, decodeValue(dec))
		}
		dec.Token()
		return o
	}
	return t
}
