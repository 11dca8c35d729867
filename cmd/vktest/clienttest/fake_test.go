package clienttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/fakesim"
	"github.com/vkrouter/vk/internal/vkschema"
)

// server makes the fake a part of the tests' program, so that go test keeps no
// results of another one.
var server = fakesim.New

// programs is the folder of vktest and of the clients from npm, which are built
// once for all tests.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		runtime.KeepAlive(server)
		var err error
		if programs, err = os.MkdirTemp("", "clienttest"); err != nil {
			fmt.Println(err)
			return 1
		}
		defer os.RemoveAll(programs)
		cmd := exec.Command("go", "build", "-o", filepath.Join(programs, "vktest"), "./cmd/vktest")
		cmd.Dir = "../../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Printf("%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// A fake is a vktest that runs until the test ends.
type fake struct {
	t       *testing.T
	BaseURL string `json:"base_url"`
	GroupID int    `json:"group_id"`
	Token   string `json:"token"`
	CA      string `json:"ca"`
	Proxy   string `json:"proxy"`
}

// startFake starts vktest with events of a version. At the end of the test, the
// answers of its calls are checked against the schema.
func startFake(t *testing.T, events string) *fake {
	t.Helper()
	dir := t.TempDir()
	world := fmt.Sprintf(`{
		"users": [{"id": 1, "first_name": "Anna", "last_name": "Smirnova", "screen_name": "anna"}, {"id": 2, "first_name": "Boris", "last_name": "Orlov"}],
		"groups": [{"id": 101, "name": "Bot", "admins": [2], "long_poll": {"api_version": %q}}],
		"chats": [{"id": 1, "title": "Tea", "members": [1, 2, -101]}]}`, events)
	if err := os.WriteFile(filepath.Join(dir, "world.json"), []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(programs, "vktest"), "-addr", "127.0.0.1:0", "-json", "-rps", "-1",
		"-tls", filepath.Join(dir, "tls"), "-world", filepath.Join(dir, "world.json"))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t}
	t.Cleanup(func() {
		if f.BaseURL != "" {
			f.checkCalls()
		}
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("vktest: %v", err)
		}
		if said.Len() > 0 {
			t.Logf("vktest says:\n%s", &said)
		}
	})
	if err := json.NewDecoder(out).Decode(f); err != nil {
		t.Fatalf("vktest does not start: %v\n%s", err, &said)
	}
	return f
}

// sim makes a request of /sim, with a body unless that is empty, and decodes the
// answer into v unless that is nil.
func (f *fake) sim(path, body string, v any) error {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, f.BaseURL+"/sim/"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: HTTP status %d: %s", path, resp.StatusCode, text)
	case v == nil:
		return nil
	}
	return json.Unmarshal(text, v)
}

// olderShapes are methods that answered in another shape before 5.139.
var olderShapes = []string{"groups.getById", "messages.delete", "messages.createChat"}

// checkCalls checks the answers of all calls that the client made, and all events,
// against the schema. It logs how many there were.
func (f *fake) checkCalls() {
	f.t.Helper()
	var made struct {
		Calls []struct {
			Method   string
			Params   map[string]string
			Response json.RawMessage
		}
	}
	var told struct {
		Events []struct {
			Type string
			Data struct {
				Event struct {
					Type   string
					Object json.RawMessage
				}
			}
		}
	}
	if err := errors.Join(f.sim("calls", "", &made), f.sim("events?since=0", "", &told)); err != nil {
		f.t.Error(err)
		return
	}
	if len(made.Calls) == 0 {
		f.t.Error("the client has made no call")
	}
	root := os.Getenv("VK_SCHEMA")
	if root == "" {
		f.t.Logf("%d calls; their answers were not checked: VK_SCHEMA is not set", len(made.Calls))
		return
	}
	schema, answers, events := vkschema.Open(root), 0, 0
	for _, c := range made.Calls {
		minor, _ := strconv.Atoi(strings.TrimPrefix(c.Params["v"], "5."))
		if len(c.Response) == 0 || minor < 139 && slices.Contains(olderShapes, c.Method) {
			continue
		}
		if wrong, known := schema.Response(c.Method, c.Response); known {
			answers++
			for _, w := range wrong {
				f.t.Errorf("%s against the schema: %s\n%s", c.Method, w, c.Response)
			}
		}
	}
	for _, e := range told.Events {
		if e.Type == "event" {
			events++
			for _, w := range schema.Event(e.Data.Event.Type, e.Data.Event.Object) {
				f.t.Errorf("%s against the schema: %s\n%s", e.Data.Event.Type, w, e.Data.Event.Object)
			}
		}
	}
	f.t.Logf("%d calls: %d answers and %d events checked against the schema", len(made.Calls), answers, events)
}

// files makes the files that the clients upload.
func files(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 60, 40))); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"photo.png": b.Bytes(), "price.txt": []byte("tea 1")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
