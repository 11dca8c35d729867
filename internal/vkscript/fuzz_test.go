package vkscript

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzRun parses and runs any code. Errors have the types that are documented,
// and results are JSON. Code that is JSON evaluates to itself.
func FuzzRun(f *testing.F) {
	f.Add(`return [API.users.get({"user_ids":1}),API.groups.getById({}),];`)
	f.Add(`var a = 1; while (a) { a = a - 1; } return a;`)
	f.Add(`return {"a":[1,-2.5e-3,"\u00e9\ud83d\ude00",true,null],b:{},'c':Args.x}; // end`)
	f.Add("return 00.0e+; /* ")
	f.Add(`var us = API.users.get({"user_ids":"anna,boris"}); var i = 0; while (i < us.length) { us[i].x = i; i = i + 1; } return us@.x;`)
	f.Add(`var a = [1,2,3]; a.push(a); delete a[0]; return [a.splice(0,1), a.slice(1), a.indexOf(2), "x".substr(0,-1).split(""), a];`)
	f.Add(`var s = "ab"; if (s == "ab" && !s || 1 >= 2) s = s + parseInt("12x") - 1; else { s.x = 1; } return s % 0;`)
	f.Add(`while (true) { }`)
	f.Add(`{"a":[1,"b\n"]}`)
	f.Fuzz(func(t *testing.T, code string) {
		if isValue(code) {
			result, err := run("return "+code+";", roomy)
			if err != nil {
				t.Fatalf("%s: %v", code, err)
			}
			var got, want any
			json.Unmarshal([]byte(result), &got)
			json.Unmarshal([]byte(code), &want)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		result, err := run(code, roomy)
		var syntax *SyntaxError
		var runtime *RuntimeError
		switch {
		case err == nil:
			if !json.Valid([]byte(result)) {
				t.Errorf("%q: %q is not JSON", code, result)
			}
		case !errors.As(err, &syntax) && !errors.As(err, &runtime):
			t.Errorf("%q: %T %v", code, err, err)
		}
	})
}

// isValue reports whether code is JSON within the limits of scripts.
func isValue(code string) bool {
	depth, deepest := 0, 0
	for _, c := range code {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return json.Valid([]byte(code)) && utf8.ValidString(code) && deepest < roomy.Nesting-2 && len(code) < roomy.Code-len("return ;")
}
