// Package browser tests the chat page of the fake VK in a real browser,
// headless Chromium. It is a module of its own, so that users of the library do
// not download the browser's driver.
//
// It needs Chromium: apt-get install -y chromium, or CHROMIUM=/path/to/it.
// Without Chromium the tests fail, unless BROWSER=skip is set. With
// SCREENSHOTS=DIR they write pictures of the page to that directory.
package browser

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/vkrouter/vk/vktest"
)

// server makes the page and the fake VK a part of the test program, so that go
// test does not reuse cached results for a changed page.
var server = (*vktest.Server).Play

// chromium returns the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const none = "there is no Chromium: apt-get install -y chromium, or set CHROMIUM to its path"
	if os.Getenv("BROWSER") == "skip" {
		t.Skip(none)
	}
	t.Fatal(none + "; BROWSER=skip does without")
	return ""
}

// patience limits the time for a step.
const patience = 2 * time.Minute

// A person uses the page.
type person struct {
	t    *testing.T
	ctx  context.Context
	page string // the address
}

// build builds a program of a module and returns its path.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	goruntime.KeepAlive(server)
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = dir
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

// start runs a program until the test ends, and returns the address that it
// prints first.
func start(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		done := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		defer done.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s does not end well: %v", filepath.Base(program), err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it prints no address: %v", err)
	}
	fields := strings.Fields(line)
	return fields[len(fields)-1]
}

// newBrowser starts Chromium, which ends with the test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		// It has a mouse, unless the test is about a phone.
		chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("lang", "en-US"), chromedp.Env("LANGUAGE=en"), chromedp.WindowSize(1360, 860),
	)
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // it reports events that it does not know
	t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// visit opens the page. Every error of its scripts fails the test.
func visit(t *testing.T, page string) *person {
	t.Helper()
	ctx := newBrowser(t)
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page throws: %s", e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				t.Errorf("the page's console: %s", e.Args[0].Value)
			}
		}
	})
	p := &person{t, ctx, page}
	p.do(chromedp.Navigate(page))
	p.sees("#chats", "Bot")
	return p
}

// do runs actions in the browser.
func (p *person) do(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.picture("failure")
		p.t.Fatalf("%v\nthe messages:\n%s", err, p.text("#messages"))
	}
}

// text returns the text of an element.
func (p *person) text(selector string) (text string) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &text))
	return text
}

// js evaluates an expression.
func js[T any](p *person, expression string) (v T) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, &v))
	return v
}

// until waits until an expression is true.
func (p *person) until(expression, what string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	// Not chromedp.Poll: the page's policy blocks it.
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			var is bool
			if err := chromedp.Evaluate("Boolean("+expression+")", &is).Do(ctx); err != nil || is {
				return err
			}
			if err := chromedp.Sleep(30 * time.Millisecond).Do(ctx); err != nil {
				return err
			}
		}
	}))
	if err != nil {
		p.picture("failure")
		p.t.Fatalf("%s: %v\nthe messages:\n%s\nthe snackbars:\n%s", what, err, p.text("#messages"), p.text("#snackbars"))
	}
}

// sees waits until an element shows a text.
func (p *person) sees(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))`, selector, text),
		fmt.Sprintf("%s should show %q", selector, text))
}

// hears waits until the newest message has a text.
func (p *person) hears(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector("#messages > li:last-child")?.innerText.includes(%q)`, text), fmt.Sprintf("the last message should say %q", text))
}

func (p *person) says(text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys("#input", text+kb.Enter, chromedp.ByQuery))
}

// clicks clicks the last element that matches a selector.
func (p *person) clicks(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)`, selector), "there should be "+selector)
	p.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll(%[1]q)[document.querySelectorAll(%[1]q).length-1].scrollIntoView({block: "nearest"})`, selector), nil))
	var at []float64
	p.do(chromedp.Evaluate(fmt.Sprintf(`(() => { const r = [...document.querySelectorAll(%q)].at(-1).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`, selector), &at))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}

// presses clicks the newest of the bot's buttons with a label.
func (p *person) presses(label string) {
	p.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(".vk")].filter((e) => e.innerText.includes(%q)).at(-1)`, label)
	p.until(find, fmt.Sprintf("there should be a button %q", label))
	p.do(chromedp.Evaluate(find+`.scrollIntoView({block: "nearest", inline: "center"})`, nil))
	var at []float64
	p.do(chromedp.Evaluate(`(() => { const r = `+find+`.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`, &at))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}

// picture writes a picture, if there is a directory for it.
func (p *person) picture(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var png []byte
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		p.t.Errorf("no picture: %v", err)
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// prefers sets the theme that the person's system prefers.
func (p *person) prefers(theme string) {
	p.t.Helper()
	p.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}))
}
