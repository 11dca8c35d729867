package fakevk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestExecute(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	server := `[{"id":200000001,"is_closed":0,"name":"Bots","photo_100":"https://sun9-1.userapi.com/g100_200000001.jpg",` +
		`"photo_200":"https://sun9-1.userapi.com/g200_200000001.jpg","photo_50":"https://sun9-1.userapi.com/g50_200000001.jpg",` +
		`"screen_name":"botclub","type":"group"}]`
	tests := []struct {
		name, code, want string
	}{
		{"nothing", ``, `null`},
		{"no return", `1;`, `null`},
		{"a bare return", `return;`, `null`},
		{"only the first return counts", `return 1;return 2;`, `1`},
		{"a number", `return 42;`, `42`},
		{"a negative number", `return -4.5e3;`, `-4.5e3`},
		{"leading zeros", `return 007.5;`, `7.5`},
		{"a string", `return "a\"b\\c\/d\ne\u0416\ud83d\ude00";`, `"a\"b\\c/d\neЖ😀"`},
		{"single quotes", `return 'it\'s "so"';`, `"it's \"so\""`},
		{"half a pair", `return "\ud83d";`, `"�"`},
		{"not an escape", `return "\uZZ\q";`, `"uZZq"`},
		{"nor this", `return "\u1";`, `"u1"`},
		{"a pair that is none", `return "\ud83d\u0041\ud83dx";`, `"�A�x"`},
		{"numbers that end early", `return [1,2.5E+2,1e2];`, `[1,2.5E+2,1e2]`},
		{"literals", `return [true,false,null];`, `[true,false,null]`},
		{"a comma at the end", `return [1,{a:2,},];`, `[1,{"a":2}]`},
		{"nested", `return {"b":[{"c":[]}],'a':{},1:2};`, `{"b":[{"c":[]}],"a":{},"1":2}`},
		{"a key twice", `return {"a":1,"b":2,"a":3};`, `{"a":3,"b":2}`},
		{"brackets", `return (1);`, `1`},
		{"comments", "// one\nreturn /* two\n */ 3; // four", `3`},
		{"empty statements", `;;return 1;`, `1`},
		{"an argument", `return [Args.name,Args.none];`, `["Anna",null]`},
		{"a call", `return API.users.get({"user_ids":1});`, `[]`},
		{"calls", `return [API.utils.resolveScreenName({"screen_name":Args.screen}),{x:API.users.get({})}];`,
			`[{"object_id":100000001,"type":"user"},{"x":[]}]`},
		{"a call as an argument", `return API.groups.getById({"group_id":API.execute.none({})});`, `false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code := tt.code
			if code == "" {
				code = " "
			}
			rep := s.call("execute", "code", code, "name", "Anna", "screen", "anna")
			if d := cmp.Diff(tt.want, string(rep.Response)); d != "" {
				t.Errorf("%s %+v", d, rep.Error)
			}
		})
	}
	rep := s.call("execute", "code", "return API.groups.getById();", "v", "5.131")
	if d := cmp.Diff(server, string(rep.Response)); d != "" {
		t.Error(d)
	}
}

func TestExecuteCompileErrors(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for code, want := range map[string]string{
		`return [1]`:                        `';' expected, '' found in line 1`,
		"return [\n\nAPI.users.get({})};":   `']' expected, '}' found in line 3`,
		"return [API.users.get({\n\n}];":    `')' expected, ']' found in line 3`,
		"/*\n*/return test;":                `undefined identifier 'test' in line 2`,
		`return API.users.get;`:             `'(' expected, ';' found in line 1`,
		`return API.execute({});`:           `'.' expected, '(' found in line 1`,
		`return API.1.get();`:               `identifier expected, '1' found in line 1`,
		`return {"a" 1};`:                   `':' expected, '1' found in line 1`,
		`return {[]:1};`:                    `'}' expected, '[' found in line 1`,
		`return "a;`:                        `'"' expected, '' found in line 1`,
		`return "a\`:                        `'"' expected, '' found in line 1`,
		`return -x;`:                        `undefined identifier 'x' in line 1`,
		`return ;;)`:                        `expression expected, ')' found in line 1`,
		`return ` + strings.Repeat("[", 80): `nesting is too deep in line 1`,
		strings.Repeat(" ", maxScript+1):    `code is too long`,
	} {
		rep := s.call("execute", "code", code)
		if rep.Error == nil || rep.Error.Code != 12 || rep.Error.Msg != "Unable to compile code: "+want {
			t.Errorf("%.50q: %+v, want %s", code, rep.Error, want)
		}
	}
	s.fails(100, "code is undefined", "execute")
	s.fails(28, "", "execute", "code", "return 1;", "access_token", s.AddServiceToken())
}

// TestExecuteFailures checks that a failed call is false, and that its error is
// listed beside the response, in the order of the calls.
func TestExecuteFailures(t *testing.T) {
	t.Parallel()
	code := fmt.Sprintf(`return [API.messages.send({"peer_id":%d,"random_id":1,"message":"a"}),`+
		`API.messages.send({"peer_id":5,"random_id":2,"message":"b"}),API.no.such({}),API.groups.ban({"group_id":1}),`+
		`API.messages.send({"peer_id":%[1]d,"random_id":3,"message":"c"})];`, firstUser)
	errs := []executeError{
		{"messages.send", 936, "Contact not found"},
		{"no.such", 3, "Unknown method passed"},
		{"groups.ban", 27, "Group authorization failed: method is unavailable with group auth."},
	}
	for _, summary := range []bool{false, true} {
		s := newScene(t, Config{Readings: Readings{ExecuteSummary: summary}})
		rep := s.call("execute", "code", code)
		var got []any
		if err := json.Unmarshal(rep.Response, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 5 || got[0] == false || got[1] != false || got[2] != false || got[3] != false || got[4] == false {
			t.Errorf("got %s", rep.Response)
		}
		want := errs
		if summary {
			want = append(errs[:3:3], executeError{"execute", errs[2].Code, errs[2].Msg})
		}
		if d := cmp.Diff(want, rep.ExecuteErrors); d != "" {
			t.Error(d)
		}
		if n := len(s.Messages(s.anna.ID, -s.group.ID)); n != 3 {
			t.Errorf("%d messages", n)
		}
		if calls := s.Calls("messages.send"); len(calls) != 3 || !calls[0].Nested || calls[1].Error == nil {
			t.Errorf("remembered %+v", calls)
		}
		if calls := s.Calls("execute"); len(calls) != 1 || calls[0].Nested {
			t.Errorf("remembered %+v", calls)
		}
	}
}

// TestExecuteArguments checks how values become parameters.
func TestExecuteArguments(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.ok(nil, "execute", "list", "7,8", "code", `API.users.get({"user_ids":[1,"anna",true],"a":true,"b":false,"c":null,"d":"",`+
		`"e":{"x":[1]},"f":[[1],2],"g":Args.list,"h":1.50,"i":API.users.get({"user_ids":9}),"j":API.utils.getShortLink({"url":"vk.com"}),`+
		`"access_token":"t","secret":"s"});`)
	calls := s.Calls("users.get")
	short := s.Calls("utils.getShortLink")[0].Response
	want := map[string]string{
		"user_ids": "1,anna,1", "a": "1", "b": "0", "e": `{"x":[1]}`, "f": `[[1],2]`, "g": "7,8", "h": "1.50", "j": string(short),
	}
	if d := cmp.Diff(want, calls[len(calls)-1].Params); d != "" {
		t.Error(d)
	}
	for _, code := range []string{
		`return API.users.get(1);`, `API.users.get([]);return 1;`, `return [API.users.get("")];`, `return {a:API.users.get(null)};`,
		`return API.users.get(API.users.get(1));`, `return API.users.get({user_ids:API.users.get(true)});`,
	} {
		s.fails(13, "method arguments should be an object", "execute", "code", code)
	}
}

func TestExecuteLimits(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	calls := func(n int) string { return "return [" + strings.Repeat("API.users.get({}),", n) + "];" }
	s.ok(nil, "execute", "code", calls(25))
	s.fails(13, "Runtime error occurred during code invocation: too many api calls", "execute", "code", calls(26))
	if n := len(s.Calls("users.get")); n != 50 {
		t.Errorf("%d calls were made, want all that the limit allows", n)
	}
	// 200 messages of 4096 characters take more than four megabytes, so a few
	// histories exceed the limit.
	long := strings.Repeat("Ж", 4000)
	for range 200 {
		s.says(long)
	}
	history := fmt.Sprintf(`API.messages.getHistory({"peer_id":%d,"count":200}),`, s.anna.ID)
	s.ok(nil, "execute", "code", "return ["+history+"];")
	s.fails(13, "response size is too big", "execute", "code", "return ["+strings.Repeat(history, 4)+"];")
	s.fails(13, "response size is too big", "execute", "big", strings.Repeat("x", 1<<20), "code",
		"return [Args.big,Args.big,Args.big,Args.big,Args.big,Args.big];")
}

// TestExecuteIsOneRequest runs twenty scripts of many calls in one second.
func TestExecuteIsOneRequest(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{RPS: 20})
	code := "return [" + strings.Repeat("API.users.get({}),", 20) + "];"
	for i := range 20 {
		if rep := s.call("execute", "code", code); rep.Error != nil || len(rep.ExecuteErrors) > 0 {
			t.Fatalf("%d: %+v %+v", i, rep.Error, rep.ExecuteErrors)
		}
	}
}

// TestExecuteRights checks that inner calls have the token of the request.
func TestExecuteRights(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	weak := s.AddGroupToken(s.group.ID, "photos")
	rep := s.call("execute", "access_token", weak, "code", `return API.messages.getHistory({"peer_id":1});`)
	if string(rep.Response) != "false" || len(rep.ExecuteErrors) != 1 || rep.ExecuteErrors[0].Code != 15 {
		t.Errorf("got %s %+v", rep.Response, rep.ExecuteErrors)
	}
}

// TestExecuteSecretKey checks that a call in a script keeps its secret_key.
func TestExecuteSecretKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{CallbackClient: &http.Client{Transport: &webhook{answer: always(200, "")}}})
		defer s.Close()
		code := fmt.Sprintf(`return API.groups.addCallbackServer({"group_id":%d,"url":"https://bot.test","title":"b","secret_key":"hush"});`, s.group.ID)
		if rep := s.call("execute", "code", code); rep.Error != nil || len(rep.ExecuteErrors) > 0 {
			t.Fatalf("%+v %+v", rep.Error, rep.ExecuteErrors)
		}
		synctest.Wait()
		var list struct {
			Items []struct {
				SecretKey string `json:"secret_key"`
			}
		}
		s.ok(&list, "groups.getCallbackServers", "group_id", s.group.ID)
		if len(list.Items) != 1 || list.Items[0].SecretKey != "hush" {
			t.Errorf("got %+v", list)
		}
	})
}

// FuzzExecute checks that a script may be refused but neither panics nor
// returns invalid JSON, and that JSON itself is a script that returns it.
func FuzzExecute(f *testing.F) {
	f.Add(`return [API.users.get({"user_ids":1}),API.groups.getById({}),];`)
	f.Add(`var a = 1; while (a) { a = a - 1; } return a;`)
	f.Add(`return {"a":[1,-2.5e-3,"\u00e9\ud83d\ude00",true,null],b:{},'c':Args.x}; // end`)
	f.Add("return 00.0e+; /* ")
	f.Add(`var us = API.users.get({"user_ids":"1,2"}); var i = 0; while (i < us.length) { us[i].x = i; i = i + 1; } return us@.x;`)
	f.Add(`var a = [1,2,3]; a.push(a); delete a[0]; return [a.splice(0,1), a.slice(1), a.indexOf(2), "x".substr(0,-1).split(""), a];`)
	f.Add(`var s = "ab"; if (s == "ab" && !s || 1 >= 2) s = s + parseInt("12x") - 1; else { s.x = 1; } return s % 0;`)
	f.Add(`while (true) { }`)
	f.Add(`{"a":[1,"b\n"]}`)
	f.Fuzz(func(t *testing.T, code string) {
		s := newScene(t, Config{})
		if v := json.RawMessage(code); json.Valid(v) && plainJSON(v) {
			rep := s.call("execute", "code", "return "+code+";")
			var got, want any
			if rep.Error != nil {
				t.Fatalf("%s: %s", code, rep.Error.Msg)
			}
			json.Unmarshal(rep.Response, &got)
			json.Unmarshal(v, &want)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		if code == "" {
			return
		}
		rep := s.call("execute", "code", code)
		if rep.Error != nil && rep.Error.Code != 12 && rep.Error.Code != 13 {
			t.Errorf("%q: %+v", code, rep.Error)
		}
		if rep.Error == nil && !json.Valid(rep.Response) {
			t.Errorf("%q: %q", code, rep.Response)
		}
	})
}

// plainJSON reports whether JSON is within the limits of a script and free of
// syntax that only Go accepts.
func plainJSON(v json.RawMessage) bool {
	depth, deepest := 0, 0
	for _, c := range v {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest < maxScriptDepth && len(v) < maxScript && bytes.ToValidUTF8(v, nil) != nil &&
		len(bytes.ToValidUTF8(v, nil)) == len(v)
}
