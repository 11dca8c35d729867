package fakevk

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScript: what VK's page says of VKScript, and what it leaves to JavaScript.
func TestScript(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	tests := []struct{ name, code, want string }{
		{"a variable", `var a = 1; a = a + 1; return a;`, `2`},
		{"several variables", `var a = 1, b, c = a; return [a,b,c];`, `[1,null,1]`},
		{"a variable of a block lives on", `if (true) { var a = 1; } return a;`, `1`},
		{"an assignment has a value", `var a, b; a = b = 2; return a + b;`, `4`},
		{"arithmetic", `return [1+2*3, (1+2)*3, 7-10, 7/2, 8/2, 7%4, -7%4, 0.5+0.25, 1.5*2];`, `[7,9,-3,3.5,4,3,-3,0.75,3]`},
		{"great numbers", `return [9223372036854775807+1, 3000000000*2, 9007199254740993];`, `[9223372036854776000,6000000000,9007199254740993]`},
		{"minus binds", `var a = 3; return [-a, - -a, 2--a, !a, !!a];`, `[-3,3,5,false,true]`},
		{"comparison", `return [1<2, 2<=1, "b">"a", 2>="10", 1=="1", 1!=2, null==null, false==null, 0==false];`,
			`[true,false,true,false,true,true,true,false,true]`},
		{"arrays are equal to themselves", `var a = []; return [a==a, a==[], [1]==1];`, `[true,false,false]`},
		{"logic gives an operand", `return [1&&2, 0&&2, 0||"x", null||false, 1||2&&0];`, `[2,0,"x",false,1]`},
		{"logic looks at the right only if it must", `var a = false && API.users.get(1); return a;`, `false`},
		{"truth", `return [!"", !"0", !0, !0.0, !null, ![], !{}];`, `[true,false,true,true,true,false,false]`},
		{"texts", `return ["a"+"b", "a"+1, 1+"a", "a"+1.50+true, "a"+null];`, `["ab","a1","1a","a1.50true","anull"]`},
		{"arrays are put together", `var a = [1]; var b = a + [2] + a; return [a,b,a+null,null+a];`, `[[1],[1,2,1],[1],[1]]`},
		{"if", `if (1) return "yes"; return "no";`, `"yes"`},
		{"else", `if (0) { return 1; } else if (0) return 2; else { return 3; }`, `3`},
		{"no else", `if (0) return 1;`, `null`},
		{"while", `var i = 0, n = 0; while (i < 10) { n = n + i; i = i + 1; } return n;`, `45`},
		{"while without braces", `var i = 0; while (i < 3) i = i + 1; return i;`, `3`},
		{"a return in a loop", `var i = 0; while (true) { if (i == 2) { return i; } i = i + 1; }`, `2`},
		{"fields", `var o = {"a":{"b":[5,6]}}; o.a.c = 1; o["d"] = o.a.b[1]; return [o, o.a.b.length, o.none.none];`,
			`[{"a":{"b":[5,6],"c":1},"d":6},2,null]`},
		{"words as fields", `var o = {if:1}; o.return = 2; return o.if + o.return;`, `3`},
		{"an array grows", `var a = []; a[2] = 1; return [a, a[9], a[-1], a.x];`, `[[null,null,1],null,null,null]`},
		{"an array is shared", `var a = [1]; var b = a; b.push(2); return a;`, `[1,2]`},
		{"delete", `var o = {a:1,b:2,c:3}; delete o.a; o.d = 4; delete o.none; var l = [1,2]; delete l[0]; return [o,o.c,l];`,
			`[{"b":2,"c":3,"d":4},3,[null,2]]`},
		{"pluck", `var l = [{"id":1,"x":{"y":2}},{"id":3}]; return [l@.id, l@.x@.y, l@.none, null@.id];`, `[[1,3],[2,null],[null,null],null]`},
		{"push and pop", `var a = [1]; return [a.push(2,3), a.pop(), a, [].pop()];`, `[3,3,[1,2],null]`},
		{"shift and unshift", `var a = [1,2]; return [a.shift(), a.unshift(8,9), a, [].shift()];`, `[1,3,[8,9,2],null]`},
		{"splice", `var a = [1,2,3,4,5]; return [a.splice(1,2), a, a.splice(1,0,"x","y"), a, a.splice(-1), a];`,
			`[[2,3],[1,"x","y",4],[],[1,"x","y",4],[5],[1,"x","y",4]]`},
		{"slice", `var a = [1,2,3]; return [a.slice(1), a.slice(0,2), a.slice(-1), a.slice(2,1), a, "Жук".slice(1,2)];`, `[[2,3],[1,2],[3],[],[1,2,3],"у"]`},
		{"indexOf", `return ["123".indexOf(2), [1,2,3].indexOf(3), [1].indexOf(9), "жук".indexOf("к"), "a".indexOf("b")];`, `[1,2,-1,2,-1]`},
		{"substr", `return ["привет".substr(1,2), "abc".substr(-2), "abc".substr(1), "abc".substr(9,1), "abc".substr(0,-1)];`, `["ри","bc","bc","",""]`},
		{"split", `return ["a,b,,c".split(","), "ab".split(""), "".split(","), "a".split()];`, `[["a","b","","c"],["a","b"],[""],["a"]]`},
		{"length of a text", `return "жук".length;`, `3`},
		{"parseInt", `return [parseInt("42"), parseInt(" -7x"), parseInt("x"), parseInt(Args.none), parseInt(3.9), parseInt(null), parseInt(true), parseInt()];`,
			`[42,-7,0,0,3,0,1,0]`},
		{"parseDouble", `return [parseDouble("1.5kg"), parseDouble("-2"), parseDouble("x"), parseDouble(2.25)];`, `[1.5,-2,0,2.25]`},
		{"arguments", `return [Args.n + 1, parseInt(Args.n) + 1, Args["n"], Args.none == null];`, `["51",6,"5",true]`},
		{"a call that failed", `var a = API.users.get({"user_ids":[1],"fields":1}); var b = API.no.such({}); return [a@.id, b, b.items, b@.id];`,
			`[[],false,null,null]`},
		{"a field of an answer", `return API.users.get({"user_ids":"anna"})[0].first_name;`, `"Anna"`},
		{"a plucked list is a parameter", `var us = API.users.get({"user_ids":"anna,boris"}); return API.users.get({"user_ids":us@.id})@.first_name;`,
			`["Anna","Boris"]`},
		{"an answer is shared, read or not", `var a = API.users.get({"user_ids":"anna"}); var b = [a]; a[0].id = 7; a.push(API.utils.getServerTime({}) > 5);
			return [b[0]@.id, [API.groups.getById({"group_id":"botclub"}).groups[0].id].indexOf(a.length), a[1] == true, API.users.get({"user_ids":1}) == 1];`,
			`[[7,null],-1,true,false]`},
		// What vk-io's createCollectIterator does.
		{"collecting", `var params = {"user_ids":"anna"}; params.offset = parseInt(Args.offset); var i = 0, items = [], total = 9;
			while (i < 3 && items.length < total) { var result = API.users.get(params); if (i == 1) total = 2;
			items = items + result; i = i + 1; params.offset = params.offset + 1; }
			return {"received":i,"next":params.offset,"items":items.splice(0,2)@.id};`,
			`{"received":2,"next":2,"items":[100000001,100000001]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep := s.call("execute", "code", tt.code, "n", "5")
			if d := cmp.Diff(tt.want, string(rep.Response)); d != "" {
				t.Errorf("%s %+v", d, rep.Error)
			}
		})
	}
}

// TestScriptCompileErrors: what VKScript does not have, and what is malformed.
func TestScriptCompileErrors(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for code, want := range map[string]string{
		`var i = 0; i++;`:                        `expression expected, '+' found in line 1`,
		`var i = 0; i += 1;`:                     `expression expected, '=' found in line 1`,
		`return 1 === 1;`:                        `expression expected, '=' found in line 1`,
		`for (;;) {}`:                            `undefined identifier 'for' in line 1`,
		`function f() {}`:                        `undefined identifier 'function' in line 1`,
		"x = 1;\nvar x;":                         `undefined identifier 'x' in line 1`,
		`1 = 2;`:                                 `';' expected, '=' found in line 1`,
		`Args = 2;`:                              `';' expected, '=' found in line 1`,
		`Args.b = 2;`:                            `';' expected, '=' found in line 1`,
		`var if = 1;`:                            `identifier expected, 'if' found in line 1`,
		`var 1;`:                                 `identifier expected, '1' found in line 1`,
		`if (1) {`:                               `'}' expected, '' found in line 1`,
		`while (1)`:                              `expression expected, '' found in line 1`,
		`if 1 { }`:                               `'(' expected, '1' found in line 1`,
		`else { }`:                               `undefined identifier 'else' in line 1`,
		`return [].map();`:                       `undefined method 'map' in line 1`,
		`return "a".x(1);`:                       `undefined method 'x' in line 1`,
		`delete 1;`:                              `field expected in line 1`,
		`return [].push(1;`:                      `')' expected, ';' found in line 1`,
		"return 1" + strings.Repeat("+1", 3000):  `expression is too long in line 1`,
		"return []" + strings.Repeat("[0]", 3e3): `expression is too long in line 1`,
		"return " + strings.Repeat("!", 80):      `nesting is too deep in line 1`,
		strings.Repeat("{", 80):                  `nesting is too deep in line 1`,
	} {
		rep := s.call("execute", "code", code)
		if rep.Error == nil || rep.Error.Code != 12 || rep.Error.Msg != "Unable to compile code: "+want {
			t.Errorf("%.50q: %+v, want %s", code, rep.Error, want)
		}
	}
}

// TestScriptRuntimeErrors: mistakes that only the run shows, and runs without an
// end, each with error 13.
func TestScriptRuntimeErrors(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for code, want := range map[string]string{
		`return 1 / 0;`:            `division by zero`,
		`return 1 % "0";`:          `division by zero`,
		`return "x" * 2;`:          `operand of '*' is a string, not a number`,
		`return [] < 1;`:           `operand of '<' is an array, not a number`,
		`return -{};`:              `operand of '-' is an object, not a number`,
		`return [1] + 1;`:          `an array and a number cannot be added`,
		`return 1e308 * 10;`:       `number is out of range`,
		`var a = null; a.b = 1;`:   `a field of null cannot be set`,
		`var a = []; a.b = 1;`:     `a field of an array cannot be set`,
		`Args.b = 1;`:              ``,
		`null.push(1);`:            `null has no method 'push'`,
		`return "a".push(1);`:      `a string has no method 'push'`,
		`return {}.slice(1);`:      `an object has no method 'slice'`,
		`return false.indexOf(1);`: `a boolean has no method 'indexOf'`,
		`return 1 .substr(1);`:     `a number has no method 'substr'`,
		`return [].split(1);`:      `an array has no method 'split'`,
		`while (true) {}`:          `too many operations`,
		`while (true) ;`:           `too many operations`,
		`var i = 0; while (i < 1000000) { i = i + 1; }`:                               `too many operations`,
		`var s = "xxxxxxxx"; while (1) { s = s + s; }`:                                `memory limit is exceeded`,
		`var a = [1,1]; while (1) { a = a + a; }`:                                     `memory limit is exceeded`,
		`var a = [1]; a[2000000000] = 1;`:                                             `memory limit is exceeded`,
		`var a = []; a.push(a); return a;`:                                            `value is nested too deeply`,
		`var a = {}; a.a = a; return "" + a;`:                                         `value is nested too deeply`,
		`var a = [1]; while (1) { a = [a,a]; return a; }`:                             ``,
		`var a = ["xxxx"], i = 0; while (i < 40) { a = [a,a]; i = i + 1; } return a;`: `response size is too big`,
		`var i = 0; while (true) { API.users.get({}); }`:                              `too many api calls`,
	} {
		rep := s.call("execute", "code", code)
		switch {
		case want == "" && rep.Error != nil && code[:1] == "v":
			t.Errorf("%s: %+v", code, rep.Error)
		case want != "" && (rep.Error == nil || rep.Error.Code != 13 ||
			rep.Error.Msg != "Runtime error occurred during code invocation: "+want):
			t.Errorf("%.80s: %+v %s, want %s", code, rep.Error, rep.Response, want)
		}
	}
	// What a script did before it broke off has happened, and the world goes on.
	s.fails(13, "division by zero", "execute", "code",
		fmt.Sprintf(`API.messages.send({"peer_id":%d,"random_id":1,"message":"before"}); return 1/0;`, s.anna.ID))
	if m := s.last(s.anna.ID, -s.group.ID); m.Text != "before" {
		t.Errorf("the last message is %q", m.Text)
	}
}

// TestScriptBounds: how far a loop and a value may go, from both sides.
func TestScriptBounds(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	loop := func(n int) string { return fmt.Sprintf(`var i = 0; while (i < %d) { i = i + 1; } return i;`, n) }
	deep := func(n int) string {
		return fmt.Sprintf(`var a = 1, i = 0; while (i < %d) { a = [a]; i = i + 1; } return a;`, n)
	}
	s.ok(nil, "execute", "code", loop(8_000))
	s.fails(13, "too many operations", "execute", "code", loop(20_000))
	s.ok(nil, "execute", "code", deep(maxExecuteDepth))
	s.fails(13, "nested too deeply", "execute", "code", deep(maxExecuteDepth+1))
}

// TestScriptIsNeverTooLong: a script without a loop runs to its end, however
// long it is.
func TestScriptIsNeverTooLong(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	n := 150_000
	rep := s.call("execute", "code", "return ["+strings.Repeat("1,", n)+"].length;")
	if string(rep.Response) != fmt.Sprint(n) {
		t.Errorf("got %s %+v", rep.Response, rep.Error)
	}
}

// BenchmarkExecute: what a script of 25 calls costs, as a batch makes them, and
// a loop of some thousand operations, to be compared with one call alone.
func BenchmarkExecute(b *testing.B) {
	s := newScene(b, Config{CallLimit: 100})
	for _, bb := range []struct{ name, code string }{
		{"one call", `return API.users.get({"user_ids":"anna"});`},
		{"25 calls", "return [" + strings.Repeat(`API.users.get({"user_ids":"anna"}),`, 25) + "];"},
		{"1000 rounds", `var i = 0, s = 0; while (i < 1000) { s = s + i % 7; i = i + 1; } return s;`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			form := url.Values{"v": {"5.199"}, "code": {bb.code}, "access_token": {s.group.Token}}.Encode()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/method/execute", strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
