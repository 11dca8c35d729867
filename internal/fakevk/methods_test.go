package fakevk

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vkrouter/vk/internal/vkfacts"
)

// answersAlways are the methods that refuse nothing but a wrong token.
var answersAlways = []string{"groups.getTokenPermissions", "utils.getServerTime"}

// refusals records the methods that refused a call in some test.
var refusals = struct {
	sync.Mutex
	seen map[string]bool
}{seen: make(map[string]bool)}

func noteRefusal(method string, rep reply) {
	if rep.Error == nil {
		return
	}
	refusals.Lock()
	defer refusals.Unlock()
	refusals.seen[method] = true
}

// lenient returns the methods without a test of their refusals. Its result is
// valid only after a run of all tests.
func lenient() []string {
	if partial() {
		return nil
	}
	var names []string
	for _, name := range Methods() {
		if !refusals.seen[name] && !slices.Contains(answersAlways, name) {
			names = append(names, name)
		}
	}
	return names
}

// unchecked returns the methods with no response checked against the schema.
func unchecked() []string {
	if partial() {
		return nil
	}
	var names []string
	for _, name := range Methods() {
		if _, ok := schema.methods[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// partial reports whether only some of the tests ran.
func partial() bool {
	return slices.ContainsFunc([]string{"test.run", "test.skip", "test.list", "test.fuzz"}, func(name string) bool {
		return flag.Lookup(name).Value.String() != ""
	})
}

func TestMethods(t *testing.T) {
	t.Parallel()
	list := Methods()
	if len(list) != len(methods) || !slices.IsSorted(list) {
		t.Errorf("%d methods, sorted: %t", len(list), slices.IsSorted(list))
	}
	for _, name := range answersAlways {
		if !slices.Contains(list, name) {
			t.Errorf("%s is not a method", name)
		}
	}
}

// TestTokenKinds calls every method with each kind of token that it does not
// accept.
func TestTokenKinds(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	tokens := map[tokenKind]string{groupToken: s.group.Token, userToken: s.AddUserToken(s.anna.ID), serviceToken: s.AddServiceToken()}
	codes := map[tokenKind]int{groupToken: 27, userToken: 15, serviceToken: 28}
	for name, m := range methods {
		for kind, token := range tokens {
			if m.tokens&kind != 0 {
				continue
			}
			rep := s.call(name, "access_token", token)
			if rep.Error == nil || rep.Error.Code != codes[kind] {
				t.Errorf("%s with a token of kind %d: %+v", name, kind, rep.Error)
			}
		}
	}
}

// TestTokensBySchema checks that each method accepts the kinds of tokens in
// VK's schema.
func TestTokensBySchema(t *testing.T) {
	t.Parallel()
	if schema.root == "" {
		t.Skip("VK_SCHEMA is not set")
	}
	kinds := map[string]tokenKind{"user": userToken, "group": groupToken, "service": serviceToken}
	for name, m := range methods {
		if fact, _ := vkfacts.Lookup(name); fact.Extra {
			continue
		}
		def := schema.of.Method(name)
		if def == nil {
			t.Errorf("%s is not in the schema", name)
			continue
		}
		var want tokenKind
		for _, k := range def["access_token_type"].([]any) {
			want |= kinds[fmt.Sprint(k)]
		}
		if m.tokens != want {
			t.Errorf("%s takes tokens %03b, the schema says %03b", name, m.tokens, want)
		}
	}
}

// TestPlainRefusals checks the refusals that are too simple for a test of their
// own.
func TestPlainRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	user := s.AddUserToken(s.anna.ID)
	s.fails(100, "docs is undefined", "docs.getById")
	s.fails(15, "no access to the community", "docs.getWallUploadServer", "group_id", s.AddGroup(GroupSpec{}).ID)
	s.fails(100, "group_id is undefined", "groups.editCallbackServer")
	s.fails(100, "group_id is undefined", "groups.getCallbackConfirmationCode")
	s.fails(100, "group_id is undefined", "groups.getCallbackServers")
	s.fails(100, "offset", "photos.getAlbums", "access_token", user, "offset", -1)
	s.fails(100, "photos is undefined", "photos.getById", "access_token", user)
	s.fails(100, "add_to_news", "stories.getVideoUploadServer")
}
