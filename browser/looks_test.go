package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestLooks checks that the page follows the system's theme and can be
// switched, has a Russian version, and fits a phone.
func TestLooks(t *testing.T) {
	p := visit(t, start(t, build(t, ".", "./showbot"), "127.0.0.1:0"))
	p.says("!keys")
	p.hears("Below")
	p.says("!shop")
	p.hears("What would you like?")
	p.says("!cards")
	p.hears("Our teas:")
	background := `getComputedStyle(document.querySelector("#chat")).backgroundColor`
	light := js[string](p, background)
	p.prefers("dark")
	dark := js[string](p, background)
	if dark == light {
		t.Errorf("in the dark it is %s too", dark)
	}
	p.picture("dark")
	choose := func(id, value string) {
		p.do(chromedp.Evaluate(`(() => { const s = document.querySelector("`+id+`"); s.value = "`+value+`"; s.dispatchEvent(new Event("change")) })()`, nil))
	}
	choose("#theme", "light")
	if got := js[string](p, background); got != light {
		t.Errorf("switched to light it is %s", got)
	}
	choose("#theme", "")
	p.prefers("light")

	choose("#language", "ru")
	p.sees("#copy", "Скопировать…")
	p.sees("#side", "Диалоги")
	if lang := js[string](p, `document.documentElement.lang`); lang != "ru" {
		t.Errorf("the language is %s", lang)
	}
	for _, theme := range []string{"light", "dark"} {
		p.prefers(theme)
		p.do(emulation.SetDeviceMetricsOverride(390, 844, 2, true))
		p.until(`innerWidth === 390`, "the window should be a phone's")
		if wide := js[int](p, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("on a phone the page is %d pixels wide", wide)
		}
		p.do(chromedp.Evaluate(`document.querySelector("#messages").scrollTop = 1e6`, nil))
		p.picture("phone-" + theme)
		p.clicks("#messages > li:last-child .text")
		p.until(`document.querySelector(".menu")?.getBoundingClientRect().right <= 390`, "a tap on a message should open its menu")
		p.picture("phone-menu-" + theme)
		p.do(chromedp.KeyEvent(kb.Escape))
		p.until(`!document.querySelector(".menu")`, "the menu should close")
	}
	if over := js[int](p, `[...document.querySelectorAll(".more")].filter((e) => e.offsetWidth > 1).length`); over > 0 {
		t.Errorf("on a phone %d buttons stand beside messages", over)
	}
	if n := js[int](p, `document.querySelectorAll("#top #title, #side #language").length`); n != 2 {
		t.Error("the page's head is not that of the conversation")
	}
	p.clicks("#show-log")
	p.until(`document.querySelector("#panel").getBoundingClientRect().width >= 380`, "the log should be open")
	p.clicks("#tab-faults")
	p.sees("#faults", "Контроль флуда")
	p.picture("phone-faults")
	p.clicks("#show-log")
	p.clicks("#show-side")
	p.picture("phone-side")
	p.do(chromedp.Evaluate(`[...document.querySelectorAll("#chats button")].find((b) => b.innerText.includes("Tea")).click()`, nil))
	p.sees("#title", "Tea")
	p.until(`getComputedStyle(document.querySelector("#side")).display === "none"`, "the list should close")
}

// TestKeyboardAlone checks that every control is reached by Tab and has a name
// for screen readers.
func TestKeyboardAlone(t *testing.T) {
	p := visit(t, start(t, build(t, ".", "./showbot"), "127.0.0.1:0"))
	p.says("!shop")
	p.hears("What would you like?")
	p.do(chromedp.Evaluate(`document.activeElement.blur()`, nil))
	reached := make(map[string]bool)
	for range 60 {
		p.do(chromedp.KeyEvent(kb.Tab))
		reached[js[string](p, `document.activeElement.id || document.activeElement.innerText.trim()`)] = true
	}
	for _, name := range []string{
		"language", "theme", "me", "add-user", "add-chat", "copy", "messages", "Tea", "Site", "attach", "input", "send", "tab-log", "filter",
	} {
		if !reached[name] {
			t.Errorf("Tab does not reach %q", name)
		}
	}
	nameless := js[string](p, `[...document.querySelectorAll("button, select, input, textarea, nav, aside, [role=group], [role=log]")]
		.filter((e) => !(e.getAttribute("aria-label") || e.innerText.trim() || e.closest("label") || e.textContent.trim()))
		.map((e) => e.outerHTML.slice(0, 100)).join("\n")`)
	if nameless != "" {
		t.Errorf("these have no name:\n%s", nameless)
	}
	p.do(chromedp.Evaluate(`[...document.querySelectorAll(".vk")].find((e) => e.innerText === "Tea").focus()`, nil), chromedp.KeyEvent(kb.Enter))
	p.sees("[role=status] .snackbar", "Added")
}

// A restarted is a program that can be stopped and started again at its
// address.
type restarted struct {
	t       *testing.T
	program string
	addr    string
	stop    func()
}

// restartable starts the fake VK at a free port.
func restartable(t *testing.T) *restarted {
	t.Helper()
	r := &restarted{t: t, program: build(t, "..", "./cmd/vktest"), addr: "127.0.0.1:0"}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start starts the program and returns when it has printed its address.
func (r *restarted) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, r.program, "-addr", r.addr, "-json")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.stop = sync.OnceFunc(func() { cancel(); cmd.Wait() })
	var greeting struct {
		BaseURL string `json:"base_url"`
	}
	if err := json.NewDecoder(out).Decode(&greeting); err != nil {
		r.t.Fatalf("the program prints no address: %v", err)
	}
	r.addr = strings.TrimPrefix(greeting.BaseURL, "http://")
}

// TestReconnects checks that a page shows that its server is gone, and
// reconnects by itself to a new one, with the world of the new one. It keeps a
// limited number of messages and log entries.
func TestReconnects(t *testing.T) {
	fake := restartable(t)
	p := visit(t, "http://"+fake.addr+"/")
	p.says("before")
	p.sees("#messages", "before")
	many := `(async () => {
		for (let i = 0; i < 40; i++) await Promise.all(Array.from({length: 10}, (_, j) => fetch("/sim/send", {method: "POST", body: JSON.stringify({user: "anna", text: "m" + (i * 10 + j)})})));
		for (let i = 0; i < 50; i++) await Promise.all(Array.from({length: 10}, () => fetch("/method/users.get")));
		window.sentAll = true })()`
	p.do(chromedp.Evaluate("void "+many, nil))
	p.until(`window.sentAll`, "all should be sent")
	p.until(`document.querySelectorAll("#messages > li").length === 200`, "there should be 200 messages")
	p.until(`document.querySelectorAll("#log > li").length === 400`, "there should be 400 entries")

	fake.stop()
	p.sees("#state", "No connection")
	fake.start()
	p.until(`document.querySelector("#state").textContent === ""`, "the page should be connected again")
	p.sees("#messages", "Nothing was said yet")
	if text := p.text("#messages"); strings.Contains(text, "before") {
		t.Errorf("the messages are still\n%s", text)
	}
	p.says("after")
	p.sees("#messages", "after")
}

// TestUnnoticedRestart checks a hidden page whose server restarts and then has
// exactly as many events as before: it shows the new world at once.
func TestUnnoticedRestart(t *testing.T) {
	fake := restartable(t)
	call := func(method string) {
		t.Helper()
		resp, err := http.Get("http://" + fake.addr + "/method/" + method)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	p := visit(t, "http://"+fake.addr+"/")
	number := func() (n int) { // of the last event
		t.Helper()
		p.do(chromedp.Evaluate(`fetch("/sim/events?since=-1").then((r) => r.json()).then((v) => v.next)`, &n,
			func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
		return n
	}
	call("users.get")
	p.sees("#log", "users.get")
	before := number()
	p.hidden(true)
	fake.stop()
	fake.start()
	call("groups.getById")
	if n := number(); n != before {
		t.Fatalf("the new server is at event %d, the old one was at %d", n, before)
	}
	p.hidden(false)
	p.until(`document.querySelector("#log").textContent.includes("groups.getById") && !document.querySelector("#log").textContent.includes("users.get")`,
		"the log should be the new server's")
}

// hidden sets whether the page is hidden.
func (p *person) hidden(is bool) {
	p.t.Helper()
	p.do(chromedp.Evaluate(fmt.Sprintf(`Object.defineProperty(document, "hidden", {configurable: true, value: %v});
		document.dispatchEvent(new Event("visibilitychange"))`, is), nil))
}

// TestManyTabs checks that a hidden page makes no requests and shows the missed
// events when it becomes visible, and that a page for which the server has no
// room polls now and then instead of waiting.
func TestManyTabs(t *testing.T) {
	p := visit(t, start(t, build(t, ".", "./showbot"), "127.0.0.1:0"))
	p.do(chromedp.Evaluate(`window.asked = []; window.before = window.fetch;
		window.fetch = (path, options) => { asked.push(path); return before(path, options) }; 0`, nil))
	p.do(chromedp.Evaluate(`asked.length = 0`, nil))
	p.hidden(true)
	p.do(chromedp.Evaluate(`before("/sim/send", {method: "POST", body: '{"user":"anna","text":"!ping"}'}).then((r) => r.json()).then(() => { window.sent = true }); 0`, nil))
	p.until(`window.sent`, "it should be sent")
	p.do(chromedp.Sleep(300 * time.Millisecond)) // in this time a waiting page would get the events
	if asked := js[[]string](p, `asked`); len(asked) > 0 {
		t.Errorf("a hidden page requests %q", asked)
	}
	p.hidden(false)
	p.hears("pong")

	p.do(chromedp.Evaluate(`window.fetch = (path, options) => String(path).startsWith("/sim/events") && !path.includes("wait=0")
		? Promise.resolve(new Response('{"error":{"code":"busy","message":"1000 requests wait already"}}', {status: 503})) : before(path, options); 0`, nil))
	p.says("!whoami")
	p.hears("You are somebody.")
	p.sees("#state", "The server is busy")
}
