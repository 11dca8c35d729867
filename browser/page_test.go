package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage talks to a bot on the page and uses each of its controls.
func TestPage(t *testing.T) {
	p := visit(t, start(t, build(t, ".", "./showbot"), "127.0.0.1:0"))

	t.Run("writes", func(t *testing.T) {
		p.t = t
		p.says("!ping")
		p.hears("pong")
		p.sees("#log", "messages.send")
		if got := p.text("#messages > li:last-child .quote"); !strings.Contains(got, "!ping") {
			t.Errorf("it answers %q", got)
		}
	})
	t.Run("hostile texts are texts", func(t *testing.T) {
		p.t = t
		p.says("!hostile")
		p.hears("<img src=x onerror=")
		if n := js[int](p, `document.querySelectorAll("#messages img, #messages script").length`); n != 0 {
			t.Errorf("%d elements were made of a text", n)
		}
		if title := js[string](p, `document.title`); title != "vktest" {
			t.Errorf("the title is %q", title)
		}
		ran := js[bool](p, `(() => { try { const e = document.createElement("script"); e.textContent = "window.ran = true"; document.body.append(e); } catch {} return window.ran === true })()`)
		if ran {
			t.Error("a script in the page runs")
		}
	})
	t.Run("presses each kind of button", func(t *testing.T) {
		p.t = t
		p.says("!keys")
		p.hears("Below are the keys.")
		p.presses("Yes")
		p.hears("You chose yes.")
		p.presses("Send location")
		p.sees("#messages > li", "59.93")
		p.says("!shop")
		p.hears("What would you like?")
		p.presses("Tea")
		p.sees(".snackbar", "Added to the cart")
		p.until(`!document.querySelector(".vk[aria-busy=true]")`, "no button should spin")
		p.picture("light")
		p.presses("Leaflet")
		p.sees(".snackbar", "https://example.com/leaflet")
		p.presses("Site")
		p.sees(".snackbar", "https://example.com/shop")
		p.presses("Thanks")
		p.hears("You chose yes.")
		p.presses("Change")
		p.sees("#messages > li", "Something else?")
		p.says("!app")
		p.hears("An app:")
		if n := js[int](p, `document.querySelectorAll("#messages > li:last-child .vk svg path[d]").length`); n != 2 {
			t.Errorf("%d of two buttons have icons", n)
		}
		p.presses("Open the shop")
		p.sees(".snackbar", "VK opens the app 7")
		p.picture("app")
	})
	t.Run("sees a carousel", func(t *testing.T) {
		p.t = t
		p.says("!cards")
		p.hears("Our teas:")
		if n := js[int](p, `document.querySelectorAll("#messages > li:last-child .card").length`); n != 3 {
			t.Errorf("it has %d cards", n)
		}
		edge := js[int](p, `Math.round(document.querySelector("#messages").getBoundingClientRect().right - document.querySelector("#messages > li:last-child .carousel").getBoundingClientRect().right)`)
		if edge > 1 {
			t.Errorf("it ends %d pixels before the edge", edge)
		}
		p.until(`document.querySelector("#messages > li:last-child .arrow.left").hidden && document.querySelector("#messages > li:last-child .arrow.right").offsetWidth > 0`, "there should be an arrow to the right alone")
		p.picture("cards")
		for range 3 {
			p.do(chromedp.Evaluate(`document.querySelector("#messages > li:last-child .arrow.right").click()`, nil), chromedp.Sleep(500*time.Millisecond)) // it scrolls smoothly
		}
		p.until(`!document.querySelector("#messages > li:last-child .arrow.left").hidden && document.querySelector("#messages > li:last-child .arrow.right").hidden`, "there should be an arrow to the left alone")
		p.do(chromedp.Evaluate(`document.querySelector("#snackbars").replaceChildren()`, nil))
		p.presses("Buy Ivan-chai")
		p.sees(".snackbar", "Added to the cart")
	})
	t.Run("attaches, replies, reacts, edits, deletes", func(t *testing.T) {
		p.t = t
		p.clicks("#attach")
		p.clicks("[data-attach=sticker]")
		p.sees("#messages > li:last-child", "Sticker 9019")
		p.clicks("#attach")
		p.clicks("[data-attach=photo]")
		p.clicks("#attach")
		p.clicks("[data-attach=doc]")
		p.says("two things")
		p.sees("#messages > li:last-child", "report.pdf · 22 KB")
		p.sees("#messages > li:last-child", "1280 × 720")
		p.chooses("Reply")
		p.says("an answer")
		p.sees("#messages > li:last-child .quote", "two things")
		p.chooses("Edit")
		p.do(chromedp.Evaluate(`document.querySelector("#input").value = ""`, nil))
		p.says("another answer")
		p.sees("#messages > li:last-child", "another answer")
		p.chooses("Reaction 🔥")
		p.sees("#messages > li:last-child .reactions", "🔥 1")
		p.chooses("Delete for everybody")
		p.sees("#messages > li:last-child", "Message deleted")
		p.says("!ping")
		p.hears("pong")
		p.chooses("Forward")
		p.says("look")
		p.sees("#messages > li:last-child .quote", "pong")
	})
	t.Run("switches chat and person", func(t *testing.T) {
		p.t = t
		p.do(chromedp.Evaluate(`[...document.querySelectorAll("#chats button")].find((b) => b.innerText.includes("Tea")).click()`, nil))
		p.sees("#title", "Tea")
		p.says("!shop")
		p.hears("What would you like?")
		p.do(chromedp.Evaluate(`(() => { const s = document.querySelector("#me"); s.value = [...s.options].find((o) => o.text.includes("Борис")).value; s.dispatchEvent(new Event("change")) })()`, nil))
		p.hears("What would you like?")
		p.presses("Leaflet")
		p.sees(".snackbar", "https://example.com/leaflet")
		p.sees("#messages .theirs .author", "Anna")
		p.do(chromedp.Evaluate(`[...document.querySelectorAll("#chats button")].find((b) => b.innerText.includes("Bot")).click()`, nil))
		p.sees("#messages", "Nothing was said yet")
		p.says("!ping")
		p.hears("pong")
	})
	t.Run("adds a person and a chat", func(t *testing.T) {
		p.t = t
		p.clicks("#add-user")
		p.do(chromedp.SendKeys("dialog [name=name]", "Vera Petrova"+kb.Enter, chromedp.ByQuery))
		p.until(`document.querySelector("#me").selectedOptions[0]?.text === "Vera Petrova"`, "Vera should be there")
		p.clicks("#add-chat")
		p.do(chromedp.SendKeys("dialog [name=title]", "Coffee"+kb.Enter, chromedp.ByQuery))
		p.sees("#title", "Coffee")
		p.says("!ping")
		p.hears("pong")
	})
	t.Run("follows the links in a text", func(t *testing.T) {
		p.t = t
		p.says("!text")
		p.hears("See https://example.com/a?b=1, vk.com/about")
		const last = "#messages > li:last-child "
		if got := js[[]string](p, `[...document.querySelectorAll("`+last+`.text a")].map((a) => a.href)`); strings.Join(got, " ") != "https://example.com/a?b=1 https://vk.com/about" {
			t.Errorf("the links are %q", got)
		}
		if got := js[[]string](p, `[...document.querySelectorAll("`+last+`.live")].map((e) => e.textContent)`); strings.Join(got, " ") != "#tea #чай@club Vera @club200000001" {
			t.Errorf("alive are %q", got)
		}
		p.clicks(last + ".tag")
		p.sees(".snackbar", "VK searches for #чай@club")
		p.clicks(last + ".mention")
		p.sees(".snackbar", "VK opens the page club200000001")
	})
	t.Run("sees an uploaded photo, and a sticker without a bubble", func(t *testing.T) {
		p.t = t
		p.says("!photo")
		p.hears("A photo of mine:")
		p.until(`document.querySelector("#messages > li:last-child .photo.real img")?.naturalWidth === 320`, "the picture should be shown")
		p.picture("photo")
		p.clicks("#attach")
		p.clicks("[data-attach=sticker]")
		p.sees("#messages > li:last-child", "Sticker 9019")
		if got := js[string](p, `getComputedStyle(document.querySelector("#messages > li:last-child .bubble")).backgroundColor`); got != "rgba(0, 0, 0, 0)" {
			t.Errorf("the sticker's bubble is %s", got)
		}
	})
	t.Run("copies calls and conversations", func(t *testing.T) {
		p.t = t
		p.do(chromedp.Evaluate(`document.querySelector("#log details:not([open]) summary").click()`, nil))
		p.clicks("#log .quiet")
		p.until(`document.querySelector("dialog[open] textarea")?.value.includes('"method": "messages.send"')`, "the call should be shown as JSON")
		p.clicks("dialog [value=close]")
		if text := p.copies("json"); !strings.Contains(text, `"text": "!photo"`) {
			t.Errorf("as JSON it is %s", text)
		}
		p.do(chromedp.Evaluate(`(() => { const s = document.querySelector("#language"); s.value = "ru"; s.dispatchEvent(new Event("change")) })()`, nil))
		p.sees("dialog [value=close]", "Закрыть")
		p.sees("dialog h2", "Как JSON")
		p.do(chromedp.Evaluate(`(() => { const s = document.querySelector("#language"); s.value = "en"; s.dispatchEvent(new Event("change")) })()`, nil))
		p.sees("dialog [value=close]", "Close")
		p.clicks("dialog [value=close]")
	})
	t.Run("provokes a fault, and reads of it", func(t *testing.T) {
		p.t = t
		p.says("!broken")
		p.sees("#log .refused", "911")
		p.clicks("#tab-faults")
		p.clicks("[data-fault='1']") // 901
		p.until(`document.querySelector("[data-fault='1']").checked`, "the switch should be on")
		p.says("!ping")
		p.sees("#faults .hits", "happened 1×")
		p.clicks("[data-fault='1']")
		p.until(`!document.querySelector("[data-fault='1']").checked`, "the switch should be off")
		p.clicks("#tab-log")
		p.do(chromedp.SetValue("#filter", "refused", chromedp.ByQuery), chromedp.Evaluate(`document.querySelector("#filter").dispatchEvent(new Event("change"))`, nil))
		p.sees("#log .refused", "901")
		p.do(chromedp.Evaluate(`document.querySelector("#log summary").click()`, nil))
		p.sees("#log .why", "has not written to the community first")
		p.sees("#log table", "random_id")
		p.picture("refusal")
	})
}

// chooses opens the menu of the newest message with the keyboard only, and
// chooses an item.
func (p *person) chooses(item string) {
	p.t.Helper()
	p.do(chromedp.Focus("#messages", chromedp.ByQuery), chromedp.KeyEvent(kb.ArrowUp),
		// Without the character, which a browser omits if the page has handled
		// the key.
		input.DispatchKeyEvent(input.KeyRawDown).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13),
		input.DispatchKeyEvent(input.KeyUp).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13))
	p.until(`document.activeElement.closest(".menu")`, "the menu should be open")
	for range 30 {
		if js[bool](p, `[document.activeElement.getAttribute("aria-label"), document.activeElement.innerText].includes("`+item+`")`) {
			p.do(chromedp.KeyEvent(kb.Enter))
			p.until(`!document.querySelector(".menu")`, "the menu should close")
			if item == "Reply" || item == "Forward" || item == "Edit" {
				p.until(`document.querySelector("#chips .chip")`, "the input field should show the message")
			}
			return
		}
		p.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	p.t.Fatalf("there is no %q in the menu", item)
}

// copies copies the conversation and returns the text that is shown.
func (p *person) copies(as string) string {
	p.t.Helper()
	p.clicks("#copy")
	p.clicks("[data-copy=" + as + "]")
	p.until(`document.querySelector("dialog[open] textarea")`, "the text should be shown")
	text := js[string](p, `document.querySelector("dialog textarea").value`)
	return text
}

// TestCopiedTest checks that a conversation copied from the page as a test
// compiles beside the bot and passes.
func TestCopiedTest(t *testing.T) {
	p := visit(t, start(t, build(t, ".", "./showbot"), "127.0.0.1:0"))
	p.says("!ping")
	p.hears("pong")
	p.says("!whoami")
	p.hears("You are somebody.")
	p.says("!shop")
	p.hears("What would you like?")
	p.presses("Tea")
	p.sees(".snackbar", "Added")
	p.presses("Leaflet")
	p.sees(".snackbar", "leaflet")
	p.presses("Change")
	p.sees("#messages > li", "Something else?")
	p.says("!keys")
	p.hears("Below")
	p.presses("Menu")
	p.hears("You chose menu.")
	p.clicks("#attach")
	p.clicks("[data-attach=photo]")
	p.says(`a "photo"`)
	p.sees("#messages > li:last-child", "1280")
	p.chooses("Reaction 👍")
	p.sees("#messages > li:last-child .reactions", "👍")
	text := p.copies("test")
	p.sees("dialog", "Go test")
	p.picture("copy")

	dir := t.TempDir()
	bot, err := os.ReadFile("showbot/router.go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod := "module bot\n\ngo 1.25\n\nrequire github.com/vkrouter/vk v0.0.0\n\nreplace github.com/vkrouter/vk => " + root + "\n"
	for name, content := range map[string]string{
		"go.mod": mod, "router.go": string(bot), "main.go": "package main\n\nfunc main() {}\n", "bot_test.go": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-vet=all", "-run", "TestConversation", "-v", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestConversation") {
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
}

// TestCopiedScript checks that a conversation copied as curl requests can be
// repeated with a restarted bot.
func TestCopiedScript(t *testing.T) {
	showbot := build(t, ".", "./showbot")
	p := visit(t, start(t, showbot, "127.0.0.1:0"))
	p.says("!ping")
	p.hears("pong")
	p.says("!shop")
	p.hears("What would you like?")
	p.presses("Tea")
	p.sees(".snackbar", "Added")
	p.presses("Change")
	p.sees("#messages > li", "Something else?")
	p.says("it's all")
	p.sees("#messages > li", "it's all")
	p.chooses("Reaction 👍")
	p.sees("#messages > li:last-child .reactions", "👍")
	script := p.copies("curl")

	cmd := exec.Command("bash", "-c", script)
	cmd.Env = append(os.Environ(), "BASE="+strings.TrimSuffix(start(t, showbot, "127.0.0.1:0"), "/"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, script)
	}
}
