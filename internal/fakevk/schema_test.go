package fakevk

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk/internal/vkschema"
)

// If VK_SCHEMA names a copy of VK's JSON schema, responses are checked against
// it.
var schema = struct {
	sync.Mutex
	root     string
	of       *vkschema.Schema
	methods  map[string]bool // methods with a checked response
	answers  int
	breaches int
}{root: os.Getenv("VK_SCHEMA"), of: vkschema.Open(os.Getenv("VK_SCHEMA")), methods: map[string]bool{}}

func TestMain(m *testing.M) {
	code := m.Run()
	if names := lenient(); code == 0 && len(names) > 0 {
		fmt.Println("no test sees these methods refuse anything:", names)
		code = 1
	}
	if schema.root == "" {
		fmt.Println("answers were not checked against VK's schema: VK_SCHEMA is not set")
	} else {
		fmt.Printf("checked %d answers and events of %d methods against VK's schema: %d violations\n",
			schema.answers, len(schema.methods), schema.breaches)
		if names := unchecked(); code == 0 && len(names) > 0 {
			fmt.Println("no answer of these methods was checked:", names)
			code = 1
		}
	}
	os.Exit(code)
}

// checkSchema checks the response of a method.
func checkSchema(t testing.TB, method string, response json.RawMessage) {
	t.Helper()
	if schema.root == "" {
		return
	}
	wrong, known := schema.of.Response(method, response)
	schema.Lock()
	defer schema.Unlock()
	schema.methods[method] = true
	if !known {
		return
	}
	schema.answers++
	schema.breaches += len(wrong)
	if len(wrong) > 0 {
		t.Errorf("%s against the schema:\n%s\n%.2000s", method, strings.Join(wrong, "\n"), response)
	}
}

// checkEvent checks the object of an event.
func checkEvent(t testing.TB, u update) {
	t.Helper()
	if schema.root == "" {
		return
	}
	wrong := schema.of.Event(u.Type, u.Object)
	schema.Lock()
	defer schema.Unlock()
	schema.answers++
	schema.breaches += len(wrong)
	if len(wrong) > 0 {
		t.Errorf("%s against the schema:\n%s\n%s", u.Type, strings.Join(wrong, "\n"), u.Object)
	}
}
