package vkscript

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A num is a number to compute with. If whole is set, i holds the number too.
type num struct {
	f     float64
	i     int64
	whole bool
}

func whole(i int64) num { return num{float64(i), i, true} }

// numeric returns v as a number, and whether it is one: null and false are 0,
// true is 1, and a string is the number written in it.
func numeric(v any) (num, bool) {
	switch v := v.(type) {
	case nil:
		return whole(0), true
	case bool:
		if v {
			return whole(1), true
		}
		return whole(0), true
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

// parseNum reads a number in decimal notation.
func parseNum(s string) (num, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return whole(i), true
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return num{}, false // ParseFloat also reads 0x1p3, Inf and 1_000
	}
	f, err := strconv.ParseFloat(s, 64)
	return num{f: f}, err == nil
}

// value returns the number as a value of the script, with the digits of JSON.
func (n num) value(m *machine) any {
	if n.whole {
		return json.Number(strconv.FormatInt(n.i, 10))
	}
	if math.IsInf(n.f, 0) || math.IsNaN(n.f) {
		m.fail("number is out of range")
	}
	return json.Number(scalar(n.f))
}

func number(n int) any { return json.Number(strconv.Itoa(n)) }

// parseNumber performs parseInt and parseDouble. It returns the number at the
// beginning of a string, or 0 if there is none: clients rely on 0 for missing
// arguments.
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
	return json.Number(scalar(f))
}
