package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTree: each generation gives the files of the tree.
func TestTree(t *testing.T) {
	first, err := generate("../vkfacts")
	if err != nil {
		t.Fatal(err)
	}
	again, err := generate("../vkfacts")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := generatedFiles("../../api")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(tree)); !slices.Equal(a, b) {
		t.Errorf("files %v, the tree has %v: run go generate ./api", a, b)
	}
	for name, b := range first {
		if !bytes.Equal(b, again[name]) {
			t.Errorf("%s differs the second time", name)
		}
		if !bytes.Equal(b, tree[name]) {
			t.Errorf("%s is not as in the tree: run go generate ./api", name)
		}
	}
}

// TestGolden: requests as they are written.
func TestGolden(t *testing.T) {
	files, err := generate("../vkfacts")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, request string }{
		{"wall.go", "WallCreateComment"}, {"groups.go", "GroupsGetMembersManagers"}, {"market.go", "MarketEditOrder"}, {"messages.go", "MessagesSend"},
	} {
		t.Run(tt.request, func(t *testing.T) {
			full := string(files[tt.file])
			from := strings.Index(full, "// "+tt.request+" calls")
			end := strings.Index(full[from:], "func ("+tt.request+") answer()")
			end += strings.Index(full[from+end:], "\n") + 1
			golden(t, tt.request+".go.txt", full[from:from+end])
		})
	}
}

// folder is a copy of the facts and the errata.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"facts.json", "errata.json", "api.json"} {
		b, err := os.ReadFile(filepath.Join("../vkfacts", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestErrata: errata that are of no use, give no reason or contradict the facts are
// errors that name them.
func TestErrata(t *testing.T) {
	for _, tt := range []struct{ name, file, old, new, want string }{
		{"of no use: required", "api.json", `"required": [`, `"required": [{"method": "wall.get", "params": ["nothing"], "why": "x"},`, "errata: nothing uses required 0 nothing"},
		{"of no use: model", "api.json", `"models": {`, `"models": {"wall_nothing": "Post",`, "errata: nothing uses models wall_nothing"},
		{"of no use: time", "api.json", `"fields": ["date"`, `"fields": ["never", "date"`, "errata: nothing uses times of fields never"},
		{"of no use: section", "api.json", `"sections": [`, `"sections": ["nothing", `, "errata: nothing uses sections nothing"},
		{"of no use: gone", "api.json", `"gone": []`, `"gone": [{"name": "WallGet", "why": "x"}]`, "errata: nothing uses gone WallGet"},
		{"of no use: split", "api.json", `"split": [`, `"split": [{"method": "wall.nothing", "requests": []},`, "errata: nothing uses split wall.nothing"},
		{"no reason", "api.json", `"skip": [`, `"skip": [{"method": "a.b"},`, "errata: a.b []: no reason is given"},
		{"misspelt key", "api.json", `"skip": [`, `"skp": [`, `unknown field "skp"`},
		{"required already", "api.json", `"required": [`, `"required": [{"method": "wall.createComment", "params": ["post_id"], "why": "x"},`, "errata: post_id of wall.createComment is required already"},
		{"a field that is there", "api.json", `["in_read_cmid int"`, `["in_read int"`, "errata: messages_conversation has in_read already"},
		{"a variant that is not", "api.json", `"answer": "userIdsExtended"`, `"answer": "nothing"`, `groups.isMember has no answer "nothing"`},
		{"nothing chooses the answer", "api.json", `{"method": "groups.isMember", "why"`, `{"method": "groups.isNot", "why"`, "groups.isMember: nothing tells when it is answered by"},
		{"a type that is not", "facts.json", `"last_message":"@messages_message"`, `"last_message":"@messages_nothing"`, "type messages_nothing is not in the facts"},
		{"an expression", "facts.json", `"unread_count":"int"`, `"unread_count":"number"`, `unread_count: type "number" is not known`},
		{"a parameter", "facts.json", `"screen_name string required"`, `"screen_name"`, `utils.resolveScreenName: parameter "screen_name" has no type`},
		{"facts that are no JSON", "facts.json", `"methods"`, `methods`, "facts.json: invalid character"},
		{"two of one name", "facts.json", `"wall.get":{`, `"wall._get":{"tokens":"g","answers":{"":"base_ok_response"}},"wall.get":{`, "would both be named WallGet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t)
			edit(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			if _, err := generate(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestVanished: a name that the package has is not dropped, unless the errata say that it
// is gone, or keep it.
func TestVanished(t *testing.T) {
	prepare := func(t *testing.T, facts func(*factsFile), api string) (data, dir string) {
		data, dir = folder(t), t.TempDir()
		if err := writeCode(data, dir); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(data, "facts.json")
		f, err := readFacts(path)
		if err != nil {
			t.Fatal(err)
		}
		facts(f)
		if err := os.WriteFile(path, f.write(), 0o644); err != nil {
			t.Fatal(err)
		}
		if api != "" {
			edit(t, filepath.Join(data, "api.json"), `"gone": []`, `"gone": [`+api+`]`)
		}
		return data, dir
	}
	drop := func(f *factsFile) { dropParam(f, "count") }
	t.Run("refused", func(t *testing.T) {
		data, dir := prepare(t, drop, "")
		before, _ := os.ReadFile(filepath.Join(dir, "wall.go"))
		err := writeCode(data, dir)
		if err == nil || !strings.Contains(err.Error(), "WallGet.Count would vanish") {
			t.Errorf("got %v", err)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, "wall.go")); !bytes.Equal(before, after) {
			t.Error("the file was changed")
		}
	})
	t.Run("gone", func(t *testing.T) {
		data, dir := prepare(t, drop, `{"name": "WallGet.Count", "why": "it is gone"}`)
		if err := writeCode(data, dir); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, "wall.go"))
		names, err := declared(map[string][]byte{"wall.go": b})
		if err != nil || names["WallGet.Count"] || !names["WallGet.Offset"] {
			t.Errorf("WallGet has Count %v, Offset %v, %v", names["WallGet.Count"], names["WallGet.Offset"], err)
		}
	})
	t.Run("kept", func(t *testing.T) {
		data, dir := prepare(t, drop, "")
		edit(t, filepath.Join(data, "errata.json"), `"params": ["owner_id int64"]`, `"params": ["owner_id int64", "count int"]`)
		if err := writeCode(data, dir); err != nil {
			t.Error(err)
		}
	})
	t.Run("a section", func(t *testing.T) {
		data, dir := prepare(t, func(f *factsFile) { delete(f.Methods, "status.get"); delete(f.Methods, "status.set") }, "")
		edit(t, filepath.Join(data, "api.json"), `"status", `, "")
		if err := writeCode(data, dir); err == nil || !strings.Contains(err.Error(), "StatusSet would vanish") {
			t.Errorf("got %v", err)
		}
	})
}

// TestModels: each property of a type that is one of the root's has a field there.
func TestModels(t *testing.T) {
	facts, err := readFacts("../vkfacts/facts.json")
	if err != nil {
		t.Fatal(err)
	}
	fix, err := readErrata("../vkfacts")
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(facts, fix)
	var lacking []string
	for _, ref := range slices.Sorted(maps.Keys(fix.Models)) {
		model := fix.Models[ref]
		if ref == "messages_keyboard" {
			continue // it reads itself
		}
		keys := modelKeys(model)
		if keys == nil {
			t.Errorf("%s: models has no vk.%s", ref, model)
			continue
		}
		fields := make(map[string]string)
		g.allFields(ref, fields)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if !slices.Contains(keys, key) {
				lacking = append(lacking, model+"."+key)
			}
		}
	}
	golden(t, "lacking.txt", strings.Join(slices.Compact(lacking), "\n")+"\n")
}

// TestKeysOnce: a struct and its embedded types have no key twice.
func TestKeysOnce(t *testing.T) {
	facts, err := readFacts("../vkfacts/facts.json")
	if err != nil {
		t.Fatal(err)
	}
	fix, err := readErrata("../vkfacts")
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(facts, fix)
	g.run()
	for _, s := range g.structs {
		list := g.keys(s.name)
		slices.Sort(list)
		for i := 1; i < len(list); i++ {
			if list[i] == list[i-1] {
				t.Errorf("%s has %s twice", s.name, list[i])
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ vk, want string }{
		{"messages.getConversationsById", "MessagesGetConversationsByID"}, {"peer_ids", "PeerIDs"}, {"photos.getUploadURL", "PhotosGetUploadURL"},
		{"secure.getSMSHistory", "SecureGetSMSHistory"}, {"cmid", "CMID"}, {"160x160", "160x160"}, {"id_desc", "IDDesc"}, {"groups_group/links", "GroupsGroupLinks"},
		{"uid_from", "UIDFrom"}, {"place or business", "PlaceOrBusiness"},
	} {
		if got := goName(tt.vk); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.vk, got, tt.want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"code", "x"}, {"facts"}, {"diff", "a"}, {"other"}} {
		if err := run(".", args, os.Stderr); err != errUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
	var out bytes.Buffer
	if err := run(".", []string{"diff", "testdata/golden/facts.json", "testdata/golden/facts.json"}, &out); err != nil || out.Len() > 0 {
		t.Errorf("diff: %v, %s", err, &out)
	}
	if err := run(".", []string{"diff", "testdata/golden/facts.json", "testdata/none.json"}, &out); err == nil {
		t.Error("diff with a file that is not: no error")
	}
}

// TestReasons: the errata are JSON with a reason for each list that has none at its
// entries.
func TestReasons(t *testing.T) {
	b, err := os.ReadFile("../vkfacts/api.json")
	if err != nil {
		t.Fatal(err)
	}
	var all errata
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, f := range all.Fulls {
		if f.Why == "" {
			t.Errorf("%s: no reason", f.Name)
		}
	}
	for _, s := range all.Split {
		if s.Why == "" {
			t.Errorf("%s: no reason", s.Method)
		}
	}
	if all.Times.Why == "" {
		t.Error("times: no reason")
	}
}
