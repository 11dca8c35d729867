package browser

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The README's pictures are stored together with their content, as text in
// testdata. If the content has changed, a test fails, and PICTURES=write writes
// both again:
//
//	PICTURES=write go test -run TestPictures

// TestPictures checks that the README's pictures are up to date.
func TestPictures(t *testing.T) {
	t.Run("page", func(t *testing.T) {
		p := &person{t: t, ctx: newBrowser(t)}
		p.do(emulation.SetDeviceMetricsOverride(1200, 720, 1, false),
			// The time is always the same.
			chromedp.ActionFunc(func(ctx context.Context) error {
				_, err := page.AddScriptToEvaluateOnNewDocument(`Date.prototype.toLocaleTimeString = () => "12:00"`).Do(ctx)
				return err
			}),
			chromedp.Navigate(start(t, build(t, ".", "./showbot"), "127.0.0.1:0")))
		p.sees("#chats", "Bot")
		for _, words := range [][2]string{{"!keys", "Below are the keys."}, {"!cards", "Our teas:"}, {"!shop", "What would you like?"}} {
			p.says(words[0])
			p.hears(words[1])
		}
		p.presses("Tea")
		p.sees(".snackbar", "Added to the cart")
		p.until(`!document.querySelector(".vk[aria-busy=true]") && document.querySelectorAll("#log > li").length === 4 &&
			[...document.querySelectorAll(".mine .meta")].every((e) => e.textContent.includes("read"))`, "all should be told")
		p.do(chromedp.Evaluate(`
			[...document.querySelectorAll("#about dd")].at(-1).textContent = "http://127.0.0.1:5199";
			document.activeElement.blur(); document.querySelector("#messages").scrollTop = 1e6; 0`, nil))
		p.do(chromedp.MouseEvent("mouseMoved", 5, 5))
		p.shows("page", p.text("#app")+p.text("#snackbars")+looks(t))
	})
	t.Run("failure", func(t *testing.T) {
		out := failing(t)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, terminal, html.EscapeString(out))
		}))
		defer srv.Close()
		p := &person{t: t, ctx: newBrowser(t)}
		p.do(emulation.SetDeviceMetricsOverride(860, 100, 1, false), chromedp.Navigate(srv.URL))
		height := js[int](p, `document.documentElement.scrollHeight`)
		p.do(emulation.SetDeviceMetricsOverride(860, int64(height), 1, false))
		p.shows("failure", out)
	})
}

const terminal = `<!DOCTYPE html><meta charset="utf-8"><style>
body { margin: 0; padding: 18px 22px; background: #16181c; color: #e4e6ea; font: 14px/1.5 "DejaVu Sans Mono", monospace }
pre { margin: 0; font: inherit; white-space: pre-wrap; tab-size: 4 }
</style><pre>%s</pre>`

// looks returns a digest of the files that determine the page's appearance.
func looks(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	for _, name := range []string{"index.html", "style.css"} {
		b, err := os.ReadFile(filepath.Join("..", "internal", "playground", "page", name))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(b)
	}
	return fmt.Sprintf("\n(the page's style: %x)\n", sum.Sum(nil)[:8])
}

// shows compares the content of a picture with the stored one, or writes both.
func (p *person) shows(name, content string) {
	p.t.Helper()
	content = strings.TrimSpace(regexp.MustCompile(`[ \t]+\n`).ReplaceAllString(content, "\n")) + "\n"
	text, picture := filepath.Join("testdata", name+".txt"), filepath.Join("..", "docs", name+".png")
	if os.Getenv("PICTURES") == "write" {
		var b []byte
		p.do(chromedp.CaptureScreenshot(&b))
		for file, data := range map[string][]byte{picture: b, text: []byte(content)} {
			if err := os.WriteFile(file, data, 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	kept, err := os.ReadFile(text)
	if err != nil {
		p.t.Fatal(err)
	}
	if string(kept) != content {
		p.t.Errorf("docs/%s.png is out of date: run PICTURES=write go test -run TestPictures\nnow\n%s\nthen\n%s", name, content, kept)
	}
	b, err := os.ReadFile(picture)
	if err != nil {
		p.t.Fatal(err)
	}
	if cfg, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || cfg.Width < 800 || len(b) > 150<<10 {
		p.t.Errorf("%s: %d bytes, %d × %d, %v", picture, len(b), cfg.Width, cfg.Height, err)
	}
}

// failing returns the output of the README's own test when it expects another
// message from the bot.
func failing(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, 2)
	if len(blocks) != 2 {
		t.Fatal("the README has no bot and no test")
	}
	const right, wrong = `anna.Hears("Green it is.")`, `anna.Hears("Black it is.")`
	if !bytes.Contains(blocks[1][1], []byte(right)) {
		t.Fatalf("the README's test has no %s", right)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module bot\n\ngo 1.25\n\nrequire github.com/vkrouter/vk v0.0.0\n\nreplace github.com/vkrouter/vk => " + root + "\n",
		"main.go":     string(blocks[0][1]),
		"bot_test.go": strings.Replace(string(blocks[1][1]), right, wrong, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the test passes:\n%s", out)
	}
	// The duration, and whether a handler was still about to return, are
	// random.
	text := regexp.MustCompile(`\d+\.\d+s`).ReplaceAllString(string(out), "0.01s")
	return "$ go test ./...\n" + regexp.MustCompile(`drained=\d+`).ReplaceAllString(text, "drained=0")
}
