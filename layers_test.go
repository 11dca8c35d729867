package vk_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packageIndex is the index of the package: its files in layers, the lowest
// first. A file uses its own layer and those below, never one above.
var packageIndex = []struct {
	name  string
	files []indexed
}{
	{"base", []indexed{
		{"params.go", "parameters of API calls; Secret"},
		{"errors.go", "errors of calls, of VK and of waits"},
		{"errors_codes.go", "VK's error codes"},
	}},
	{"store", []indexed{
		{"store.go", "Store and MemoryStore; Queue and Limits, which several processes share"},
	}},
	{"model", []indexed{
		{"models.go", "Message, User, Group, Action"},
		{"models_attachment.go", "attachments, received and to send; Geo"},
		{"models_media.go", "photos, videos, documents, audio"},
		{"models_market.go", "goods, orders, links"},
		{"models_post.go", "posts and comments"},
		{"event.go", "Event, and the one pass that reads what routing needs"},
		{"event_kinds.go", "each kind of event with its type"},
		{"drift.go", "Event.Drift: fields that VK sends and the models lack"},
		{"keyboard.go", "keyboards, sent and received, and their limits"},
		{"button.go", "buttons and carousels"},
		{"payload.go", "payloads of buttons: Cmd, Choice"},
		{"mention.go", "mentions: reading, writing, Escape"},
		{"message.go", "an outgoing message: options, bold, italic, links"},
	}},
	{"call", []indexed{
		{"vk.go", "Client and Call"},
		{"call.go", "one API call: request, response"},
		{"call_retry.go", "retries of failed calls"},
		{"call_batch.go", "Client.Batch: calls packed into execute"},
		{"call_limit.go", "Client.RPS: pacing of calls; Client.Captcha"},
		{"call_pages.go", "Pages: lists of any method; Execute: VKScript"},
		{"call_observe.go", "Observer"},
		{"call_step.go", "random_id: the same send is sent once; calls of handlers that run again"},
		{"call_fetch.go", "Fetch: downloads"},
	}},
	{"send", []indexed{
		{"send.go", "Client.Send, Broadcast, Typing"},
		{"send_split.go", "long texts in parts"},
		{"edit.go", "editing, deleting, pinning, reactions, MarkRead; History and Members; what a bot does to a chat"},
		{"profiles.go", "Users, Groups, Profiles, Self, Resolve"},
		{"upload.go", "Upload and UploadAll"},
		{"upload_kinds.go", "the kinds of uploads; answers of upload servers"},
		{"upload_source.go", "Source: the content of uploads"},
	}},
	{"route", []indexed{
		{"router.go", "Router, Use, Group; Replace, Update, TryAdd"},
		{"route.go", "Route and its registration"},
		{"route_table.go", "which route an event leads to"},
		{"route_registry.go", "registrations and their conflicts; Walk, Lookup, Match"},
		{"route_listen.go", "On and Listen; which kinds a bot needs; prefixes: Literal, Mentioned"},
		{"route_module.go", "Mount, Swap, Unmount"},
		{"route_check.go", "checks; conditions: When, Text, Has, Regexp"},
		{"context.go", "Context: Send, Reply, Show; Handler, Middleware, Key"},
		{"context_invoke.go", "one run of a handler: panics, Invoke; Claim, Before, After; its steps"},
		{"args.go", "arguments of commands"},
		{"args_convert.go", "types of arguments: converters, people and communities"},
		{"press.go", "presses of buttons: answers to them, payloads of routes"},
	}},
	{"deliver", []indexed{
		{"dispatch.go", "Dispatcher: lanes, workers, Stop; Open"},
		{"dispatch_observe.go", "steps of events, for the Observer and the log; journals left to a Queue"},
		{"dispatch_job.go", "one event and its handling: panics, logs, outcome"},
		{"dispatch_feed.go", "the events of one source; onlookers: WatchOn"},
		{"dispatch_dedupe.go", "duplicate events"},
		{"dispatch_queue.go", "events in a Queue: QueueStatus"},
		{"dispatch_erase.go", "Erase: deletion of a user's data"},
		{"dispatch_wait.go", "handlers that wait for events"},
		{"dispatch_park.go", "Park: waiting without a turn; the steps of waits"},
		{"dispatch_timer.go", "timers that are due"},
		{"timer_record.go", "Daily: a time of the clock in a zone; a timer in the Store"},
		{"dispatch_setter.go", "timers that are over, and the handlers that set them"},
		{"dispatch_trail.go", "completed steps of handlers, kept in the Store; Again"},
		{"journal.go", "unfinished events in the Store"},
		{"journal_replay.go", "events of previous runs: their pace, and suspects of crashes"},
		{"poll.go", "Poller, Run, EnableEvents"},
		{"poll_loop.go", "the loop that polls"},
		{"poll_server.go", "the long poll server: requests and responses"},
		{"callback.go", "Callback: webhooks"},
		{"callback_ack.go", "reading of request bodies; answers to VK: ok, RetryAfter, ErrRemoveServer"},
		{"callback_setup.go", "Callback.Setup; confirmation"},
		{"diagnose.go", "Diagnose: problems of a bot's configuration"},
		{"diagnose_settings.go", "the community's settings"},
	}},
	{"talk", []indexed{
		{"ask.go", "Ask: questions"},
		{"once.go", "Once: functions that run once"},
		{"watch.go", "Watch and Wait"},
		{"timers.go", "Timers: things to do later"},
		{"session.go", "Session: state of people"},
		{"session_record.go", "the record of a state, and the events that it has counted"},
	}},
}

// An indexed file has a line in the index of the package.
type indexed struct{ file, holds string }

// Limits on the root package.
const (
	maxFiles  = 75 // and as many test files
	maxLines  = 500
	maxCircle = 21 // files that use each other, directly or through others
)

// TestLayers type-checks the package and compares, for each use of a package
// level name, a field or a method, the layer of the file that uses it with the
// layer of the file that declares it.
func TestLayers(t *testing.T) {
	rank := make(map[string]int)
	layer := make(map[string]string)
	for i, l := range packageIndex {
		for _, f := range l.files {
			if layer[f.file] != "" {
				t.Errorf("%s is in the index twice", f.file)
			}
			rank[f.file], layer[f.file] = i, l.name
		}
	}
	uses, files := usesBetweenFiles(t)
	for _, f := range files {
		if layer[f] == "" && f != "doc.go" {
			t.Errorf("%s has no layer: add it to packageIndex", f)
		}
	}
	for _, f := range slices.Sorted(maps.Keys(layer)) {
		if !slices.Contains(files, f) {
			t.Errorf("%s is in the index and does not exist", f)
		}
	}
	graph := make(map[string]map[string]bool)
	for _, f := range files {
		graph[f] = make(map[string]bool)
	}
	for _, u := range uses {
		graph[u.from][u.to] = true
		if rank[u.from] < rank[u.to] {
			t.Errorf("%s: %s of layer %s uses %s of %s in layer %s", u.pos, u.from, layer[u.from], u.name, u.to, layer[u.to])
		}
	}
	circle := largestCircle(graph)
	t.Logf("%d files, the largest circle of files that use each other: %d: %s", len(files), len(circle), strings.Join(circle, " "))
	if len(circle) > maxCircle {
		t.Errorf("%d files use each other in a circle: at most %d", len(circle), maxCircle)
	}
}

// TestFiles checks the limits on the number and the length of files.
func TestFiles(t *testing.T) {
	all, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for _, f := range all {
		if strings.HasSuffix(f, "_test.go") {
			tests++
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > maxLines {
			t.Errorf("%s has %d lines: at most %d", f, n, maxLines)
		}
	}
	if n := len(all) - tests; n > maxFiles || tests > maxFiles {
		t.Errorf("%d files and %d test files: at most %d each", n, tests, maxFiles)
	}
}

// A use is one use of a name that another file of the package declares.
type use struct {
	from, to  string // file names
	name, pos string
}

// usesBetweenFiles returns the uses in the package's non-test files, and the
// files' names.
func usesBetweenFiles(t *testing.T) (uses []use, names []string) {
	t.Helper()
	exports, paths := listPackage(t)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		names = append(names, filepath.Base(path))
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	pkg, err := conf.Check("vk", fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	file := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	for id, obj := range info.Uses {
		if obj.Pkg() != pkg || isLocal(obj, pkg) {
			continue
		}
		if from, to := file(id.Pos()), file(obj.Pos()); from != to {
			pos := fset.Position(id.Pos())
			uses = append(uses, use{from, to, obj.Name(), fmt.Sprintf("%s:%d", filepath.Base(pos.Filename), pos.Line)})
		}
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.name, b.name)) })
	return uses, names
}

// isLocal reports whether an object is neither a field, a method, nor declared
// at package level.
func isLocal(obj types.Object, pkg *types.Package) bool {
	switch o := obj.(type) {
	case *types.Var:
		return !o.IsField() && o.Parent() != pkg.Scope()
	case *types.Func:
		return false // at package level, or a method
	}
	return obj.Parent() != pkg.Scope()
}

// listPackage returns the files with the export data of all packages that this
// one depends on, by import path, and this package's own Go files.
func listPackage(t *testing.T) (exports map[string]string, files []string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal("go list:", err)
	}
	exports = make(map[string]string)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return exports, files
		} else if err != nil {
			t.Fatal("go list:", err)
		}
		exports[p.ImportPath] = p.Export
		files = files[:0] // the package itself comes last
		for _, name := range p.GoFiles {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
}

// largestCircle returns the largest strongly connected component of a graph, by
// Tarjan's algorithm.
func largestCircle(graph map[string]map[string]bool) (largest []string) {
	index, low := make(map[string]int), make(map[string]int)
	var stack []string
	var visit func(string)
	visit = func(v string) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack = append(stack, v)
		for w := range graph[v] {
			if index[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if slices.Contains(stack, w) {
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] == index[v] {
			at := slices.Index(stack, v)
			if circle := stack[at:]; len(circle) > len(largest) {
				largest = slices.Clone(circle)
			}
			stack = stack[:at]
		}
	}
	for _, v := range slices.Sorted(maps.Keys(graph)) {
		if index[v] == 0 {
			visit(v)
		}
	}
	slices.Sort(largest)
	return largest
}
