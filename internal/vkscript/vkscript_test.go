package vkscript

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// roomy are limits that no test exceeds by accident.
var roomy = Limits{
	Code: 1 << 20, Nesting: 64, Chain: 2000,
	Steps: 100_000, Calls: 25, Response: 5 << 20, Memory: 64 << 20, Depth: 512,
}

// An api is a small API for scripts to call, and the record of their calls.
type api struct{ calls []apiRequest }

type apiRequest struct {
	Method string
	Params map[string]string
}

// call answers users.get, groups.getById and utils.getServerTime. All other
// calls fail.
func (a *api) call(method string, params map[string]string) (json.RawMessage, bool) {
	a.calls = append(a.calls, apiRequest{method, params})
	switch method {
	case "users.get":
		users := []string{}
		for name := range strings.SplitSeq(params["user_ids"], ",") {
			switch name {
			case "anna", "100000001":
				users = append(users, `{"id":100000001,"first_name":"Anna"}`)
			case "boris", "100000002":
				users = append(users, `{"id":100000002,"first_name":"Boris"}`)
			}
		}
		return json.RawMessage("[" + strings.Join(users, ",") + "]"), true
	case "groups.getById":
		return json.RawMessage(`{"groups":[{"id":200000001}],"profiles":[]}`), true
	case "utils.getServerTime":
		return json.RawMessage(`1700000000`), true
	}
	return nil, false
}

// run parses and runs code with the arguments n=5 and name=Anna.
func run(code string, limits Limits) (string, error) {
	s, err := Parse(code, limits)
	if err != nil {
		return "", err
	}
	result, err := s.Run(Options{Args: map[string]string{"n": "5", "name": "Anna"}, Call: new(api).call})
	return string(result), err
}

// TestLanguage covers the language of VK's page, and JavaScript's rules where the
// page says nothing.
func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, code, want string }{
		{"nothing", ` `, `null`},
		{"no return", `1;`, `null`},
		{"a bare return", `return;`, `null`},
		{"only the first return counts", `return 1;return 2;`, `1`},
		{"a number", `return 42;`, `42`},
		{"a number keeps its digits", `return [-4.5e3,1.50,1,2.5E+2,1e2];`, `[-4.5e3,1.50,1,2.5E+2,1e2]`},
		{"leading zeros", `return 007.5;`, `7.5`},
		{"a string", `return "a\"b\\c\/d\ne\u0416\ud83d\ude00";`, `"a\"b\\c/d\neЖ😀"`},
		{"single quotes", `return 'it\'s "so"';`, `"it's \"so\""`},
		{"half of a surrogate pair", `return "\ud83d";`, `"�"`},
		{"two surrogates that are no pair", `return "\ud83d\u0041\ud83dx";`, `"�A�x"`},
		{"no escape", `return ["\uZZ\q","\u1"];`, `["uZZq","u1"]`},
		{"a line break in a string", "return 'a\nb';", `"a\nb"`},
		{"HTML", `return "<b>&";`, `"<b>&"`},
		{"literals", `return [true,false,null];`, `[true,false,null]`},
		{"a comma at the end", `return [1,{a:2,},];`, `[1,{"a":2}]`},
		{"nested literals", `return {"b":[{"c":[]}],'a':{},1:2};`, `{"b":[{"c":[]}],"a":{},"1":2}`},
		{"a key twice", `return {"a":1,"b":2,"a":3};`, `{"a":3,"b":2}`},
		{"parentheses", `return (1);`, `1`},
		{"comments", "// one\nreturn /* two\n */ 3; // four", `3`},
		{"a comment without an end", "return 3; /*", `3`},
		{"empty statements", `;;return 1;`, `1`},
		{"a variable", `var a = 1; a = a + 1; return a;`, `2`},
		{"several variables", `var a = 1, b, c = a; return [a,b,c];`, `[1,null,1]`},
		{"a variable of a block lives on", `if (true) { var a = 1; } return a;`, `1`},
		{"an assignment has a value", `var a, b; a = b = 2; return a + b;`, `4`},
		{"arithmetic", `return [1+2*3, (1+2)*3, 7-10, 7/2, 8/2, 7%4, -7%4, 0.5+0.25, 1.5*2];`, `[7,9,-3,3.5,4,3,-3,0.75,3]`},
		{"great numbers", `return [9223372036854775807+1, 3000000000*2, 9007199254740993];`, `[9223372036854776000,6000000000,9007199254740993]`},
		{"the least number", `var m = -9223372036854775808; return [m, m*-1, -1*m, m/-1, m%-1, m-1, 0-m];`,
			`[-9223372036854775808,9223372036854776000,9223372036854776000,9223372036854776000,0,-9223372036854776000,9223372036854776000]`},
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
		{"a choice", `var a = 5; return [a > 3 ? "big" : "small", a > 9 ? "big" : a > 4 ? "middle" : "small", (a ? [] : {}).length];`, `["big","middle",0]`},
		{"a choice looks at one value", `var n = 0; var a = true ? 1 : (n = 5); var b = false ? (n = 6) : n; return [a, b, n];`, `[1,0,0]`},
		{"a choice binds less than logic", `return {"a": 0 || 1 ? 2 + 3 : 4, "b": 0 && 1 ? 1 : 2};`, `{"a":5,"b":2}`},
		{"an assignment of a choice", `var a = 1, b; b = a == 1 ? a = 7 : 8; return [a, b];`, `[7,7]`},
		{"a choice of a failed call", `return API.no.such({}) ? "done" : "failed";`, `"failed"`},
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
		{"all arguments", `var a = Args; a.x = 1; return [Args, Args == Args];`, `[{"n":"5","name":"Anna"},false]`},
		{"a call that failed", `var a = API.users.get({"user_ids":[1],"fields":1}); var b = API.no.such({}); return [a@.id, b, b.items, b@.id];`,
			`[[],false,null,null]`},
		{"a field of an answer", `return API.users.get({"user_ids":"anna"})[0].first_name;`, `"Anna"`},
		{"a plucked list is a parameter", `var us = API.users.get({"user_ids":"anna,boris"}); return API.users.get({"user_ids":us@.id})@.first_name;`,
			`["Anna","Boris"]`},
		{"an answer is shared, read or not", `var a = API.users.get({"user_ids":"anna"}); var b = [a]; a[0].id = 7; a.push(API.utils.getServerTime({}) > 5);
			return [b[0]@.id, [API.groups.getById({"group_id":"botclub"}).groups[0].id].indexOf(a.length), a[1] == true, API.users.get({"user_ids":1}) == 1];`,
			`[[7,null],-1,true,false]`},
		// The script of vk-io's createCollectIterator.
		{"collecting", `var params = {"user_ids":"anna"}; params.offset = parseInt(Args.offset); var i = 0, items = [], total = 9;
			while (i < 3 && items.length < total) { var result = API.users.get(params); if (i == 1) total = 2;
			items = items + result; i = i + 1; params.offset = params.offset + 1; }
			return {"received":i,"next":params.offset,"items":items.splice(0,2)@.id};`,
			`{"received":2,"next":2,"items":[100000001,100000001]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := run(tt.code, roomy)
			if d := cmp.Diff(tt.want, got); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

// TestSyntaxErrors covers JavaScript that VKScript does not have, and malformed
// code.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, code string
		line       int
		want       string
	}{
		{"an increment", `var i = 0; i++;`, 1, `expression expected, '+' found`},
		{"an assignment with an operator", `var i = 0; i += 1;`, 1, `expression expected, '=' found`},
		{"strict equality", `return 1 === 1;`, 1, `expression expected, '=' found`},
		{"for", `for (;;) {}`, 1, `undefined identifier 'for'`},
		{"a function", `function f() {}`, 1, `undefined identifier 'function'`},
		{"a variable before its var", "x = 1;\nvar x;", 1, `undefined identifier 'x'`},
		{"a name after a comment of two lines", "/*\n*/return test;", 2, `undefined identifier 'test'`},
		{"an assignment to a number", `1 = 2;`, 1, `';' expected, '=' found`},
		{"an assignment to Args", `Args = 2;`, 1, `';' expected, '=' found`},
		{"an assignment to an argument", `Args.b = 2;`, 1, `';' expected, '=' found`},
		{"a reserved name", `var if = 1;`, 1, `identifier expected, 'if' found`},
		{"a number as a name", `var 1;`, 1, `identifier expected, '1' found`},
		{"a block without an end", `if (1) {`, 1, `'}' expected, '' found`},
		{"a loop without a body", `while (1)`, 1, `expression expected, '' found`},
		{"a condition without parentheses", `if 1 { }`, 1, `'(' expected, '1' found`},
		{"else without if", `else { }`, 1, `undefined identifier 'else'`},
		{"a method that arrays do not have", `return [].map();`, 1, `undefined method 'map'`},
		{"a method that strings do not have", `return "a".x(1);`, 1, `undefined method 'x'`},
		{"delete of a number", `delete 1;`, 1, `field expected`},
		{"arguments without an end", `return [].push(1;`, 1, `')' expected, ';' found`},
		{"a statement without an end", `return [1]`, 1, `';' expected, '' found`},
		{"a bracket that a brace closes", "return [\n\nAPI.users.get({})};", 3, `']' expected, '}' found`},
		{"a parenthesis that a bracket closes", "return [API.users.get({\n\n}];", 3, `')' expected, ']' found`},
		{"an API method without a call", `return API.users.get;`, 1, `'(' expected, ';' found`},
		{"an API method without a section", `return API.execute({});`, 1, `'.' expected, '(' found`},
		{"a section that is a number", `return API.1.get();`, 1, `identifier expected, '1' found`},
		{"a choice of one value", `return 1 ? 2;`, 1, `':' expected, ';' found`},
		{"a choice without a value", `return 1 ? : 2;`, 1, `expression expected, ':' found`},
		{"an assignment to a choice", `var a; 1 ? a : a = 2 = 3;`, 1, `';' expected, '=' found`},
		{"a key without a colon", `return {"a" 1};`, 1, `':' expected, '1' found`},
		{"a key that is an array", `return {[]:1};`, 1, `'}' expected, '[' found`},
		{"a string without an end", `return "a;`, 1, `'"' expected, '' found`},
		{"a string that ends in a backslash", `return "a\`, 1, `'"' expected, '' found`},
		{"minus before an unknown name", `return -x;`, 1, `undefined identifier 'x'`},
		{"a parenthesis that nothing opens", `return ;;)`, 1, `expression expected, ')' found`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.code, roomy)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if d := cmp.Diff(&SyntaxError{tt.want, tt.line}, syntax); d != "" {
				t.Error(d)
			}
			if want := fmt.Sprintf("%s in line %d", tt.want, tt.line); err.Error() != want {
				t.Errorf("got the text %q, want %q", err, want)
			}
		})
	}
}

// TestRuntimeErrors covers mistakes that only a run finds.
func TestRuntimeErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, code, want string }{
		{"a quotient", `return 1 / 0;`, `division by zero`},
		{"a remainder", `return 1 % "0";`, `division by zero`},
		{"a string in a product", `return "x" * 2;`, `operand of '*' is a string, not a number`},
		{"an array in a comparison", `return [] < 1;`, `operand of '<' is an array, not a number`},
		{"minus before an object", `return -{};`, `operand of '-' is an object, not a number`},
		{"an array and a number", `return [1] + 1;`, `an array and a number cannot be added`},
		{"infinity", `return 1e308 * 10;`, `number is out of range`},
		{"a field of null", `var a = null; a.b = 1;`, `a field of null cannot be set`},
		{"a field of an array", `var a = []; a.b = 1;`, `a field of an array cannot be set`},
		{"push on null", `null.push(1);`, `null has no method 'push'`},
		{"push on a string", `return "a".push(1);`, `a string has no method 'push'`},
		{"slice on an object", `return {}.slice(1);`, `an object has no method 'slice'`},
		{"indexOf on a boolean", `return false.indexOf(1);`, `a boolean has no method 'indexOf'`},
		{"substr on a number", `return 1 .substr(1);`, `a number has no method 'substr'`},
		{"split on an array", `return [].split(1);`, `an array has no method 'split'`},
		{"an endless loop", `while (true) {}`, `too many operations`},
		{"an endless loop without a block", `while (true) ;`, `too many operations`},
		{"a string that doubles", `var s = "xxxxxxxx"; while (1) { s = s + s; }`, `memory limit is exceeded`},
		{"an array that doubles", `var a = [1,1]; while (1) { a = a + a; }`, `memory limit is exceeded`},
		{"an array that grows at once", `var a = [1]; a[2000000000] = 1;`, `memory limit is exceeded`},
		{"an array that contains itself", `var a = []; a.push(a); return a;`, `value is nested too deeply`},
		{"an object that contains itself", `var a = {}; a.a = a; return "" + a;`, `value is nested too deeply`},
		{"an array that is huge as JSON", `var a = ["xxxx"], i = 0; while (i < 40) { a = [a,a]; i = i + 1; } return a;`, `response size is too big`},
		{"endless calls", `while (true) { API.users.get({}); }`, `too many api calls`},
		{"a number as arguments", `return API.users.get(1);`, `method arguments should be an object`},
		{"an array as arguments", `API.users.get([]);return 1;`, `method arguments should be an object`},
		{"null as arguments", `return {a:API.users.get(null)};`, `method arguments should be an object`},
		{"a response as arguments", `return API.users.get(API.users.get({}));`, `method arguments should be an object`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := run(tt.code, roomy)
			var runtime *RuntimeError
			if !errors.As(err, &runtime) || err.Error() != tt.want {
				t.Errorf("got %.80s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestLimits runs for each limit code that reaches it and code that exceeds it.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		limit        func(*Limits)
		within, over string
		want         string
	}{
		{"code", func(l *Limits) { l.Code = 9 }, `return 1;`, `return 12;`, `code is too long`},
		{"nesting of arrays", func(l *Limits) { l.Nesting = 3 }, `return [1];`, `return [[1]];`, `nesting is too deep in line 1`},
		{"nesting of blocks", func(l *Limits) { l.Nesting = 3 }, `{{{}}}`, `{{{{}}}}`, `nesting is too deep in line 1`},
		{"nesting of signs", func(l *Limits) { l.Nesting = 3 }, `return !1;`, `return !!1;`, `nesting is too deep in line 1`},
		{"nesting of choices", func(l *Limits) { l.Nesting = 3 }, `return 1?2:3;`, `return 1?2:3?4:5;`, `nesting is too deep in line 1`},
		{"nesting of minus", func(l *Limits) { l.Nesting = 3 }, `return - 1;`, `return - - 1;`, `nesting is too deep in line 1`},
		{"chain of operators", func(l *Limits) { l.Chain = 2 }, `return 1+1-1;`, `return 1+1-1+1;`, `expression is too long in line 1`},
		{"chain of fields", func(l *Limits) { l.Chain = 3 }, `return Args.a.b;`, `return Args.a.b@.c;`, `expression is too long in line 1`},
		{"steps", func(l *Limits) { l.Steps = 0 }, `return 1;`, `while (true) {}`, `too many operations`},
		{"calls", func(l *Limits) { l.Calls = 1 }, `API.users.get();`, `API.users.get(); API.users.get();`, `too many api calls`},
		{"size of responses", func(l *Limits) { l.Response = 10 }, `API.utils.getServerTime();`,
			`API.utils.getServerTime(); API.users.get();`, `response size is too big`},
		{"size of an argument", func(l *Limits) { l.Response = 4 }, `Args.name;`, `Args.name; Args.n;`, `response size is too big`},
		{"size of all arguments", func(l *Limits) { l.Response = 5 }, `Args;`, `Args; Args.n;`, `response size is too big`},
		{"size of the result", func(l *Limits) { l.Response = 5 }, `return "abc";`, `return "abcd";`, `response size is too big`},
		{"memory of arrays", func(l *Limits) { l.Memory = 128 + len("null") }, `[1,2];`, `[1,2,3];`, `memory limit is exceeded`},
		{"memory of strings", func(l *Limits) { l.Memory = 3 + len("null") }, `"ab"+"c";`, `"ab"+"cd";`, `memory limit is exceeded`},
		{"depth", func(l *Limits) { l.Depth = 2 }, `return [[1]];`, `return [[[1]]];`, `value is nested too deeply`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limits := roomy
			tt.limit(&limits)
			if _, err := run(tt.within, limits); err != nil {
				t.Errorf("%s: %v", tt.within, err)
			}
			if _, err := run(tt.over, limits); err == nil || err.Error() != tt.want {
				t.Errorf("%s: got %v, want %s", tt.over, err, tt.want)
			}
		})
	}
}

// TestLongCode runs code without a loop that is longer than the limit of steps:
// such code never exceeds it.
func TestLongCode(t *testing.T) {
	t.Parallel()
	n := 150_000
	got, err := run("return ["+strings.Repeat("1,", n)+"].length;", roomy)
	if got != fmt.Sprint(n) || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestParams covers how values become the parameters of a call.
func TestParams(t *testing.T) {
	t.Parallel()
	var a api
	s, err := Parse(`API.no.such(); API.users.get({"list":[1,"anna",true,null],"yes":true,"no":false,"null":null,"empty":"",`+
		`"object":{"x":[1]},"nested":[[1],2],"arg":Args.list,"number":1.50,"none":API.users.get({}),"time":API.utils.getServerTime({})});`, roomy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(Options{Args: map[string]string{"list": "7,8"}, Call: a.call}); err != nil {
		t.Fatal(err)
	}
	want := []apiRequest{
		{"no.such", map[string]string{}},
		{"users.get", map[string]string{}},
		{"utils.getServerTime", map[string]string{}},
		{"users.get", map[string]string{
			"list": "1,anna,1,", "yes": "1", "no": "0", "null": "", "empty": "", "object": `{"x":[1]}`, "nested": `[[1],2]`,
			"arg": "7,8", "number": "1.50", "none": "", "time": "1700000000",
		}},
	}
	if d := cmp.Diff(want, a.calls); d != "" {
		t.Error(d)
	}
}

// TestCallsBeforeAnError makes a call and fails: the call has happened.
func TestCallsBeforeAnError(t *testing.T) {
	t.Parallel()
	var a api
	s, err := Parse(`API.users.get({}); return 1/0;`, roomy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(Options{Call: a.call}); err == nil || len(a.calls) != 1 {
		t.Errorf("got %v and %d calls, want an error and 1", err, len(a.calls))
	}
}

// TestConcurrentRuns runs one script in several goroutines, each with its own
// variables.
func TestConcurrentRuns(t *testing.T) {
	t.Parallel()
	s, err := Parse(`var a = [Args.n], o = {}; a.push(API.users.get({"user_ids":"anna"})[0].id); o.a = a; return o;`, roomy)
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan string)
	const runs = 8
	for i := range runs {
		go func() {
			n := fmt.Sprint(i)
			got, err := s.Run(Options{Args: map[string]string{"n": n}, Call: new(api).call})
			if want := `{"a":["` + n + `",100000001]}`; string(got) != want || err != nil {
				results <- fmt.Sprintf("got %s, %v, want %s", got, err, want)
				return
			}
			results <- ""
		}()
	}
	for range runs {
		if mistake := <-results; mistake != "" {
			t.Error(mistake)
		}
	}
}

// TestPanicInCall panics in Call: Run passes the panic on, because it is no
// error of the script.
func TestPanicInCall(t *testing.T) {
	t.Parallel()
	s, err := Parse(`API.users.get();`, roomy)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != "broken" {
			t.Errorf("recovered %v", p)
		}
	}()
	s.Run(Options{Call: func(string, map[string]string) (json.RawMessage, bool) { panic("broken") }})
}
