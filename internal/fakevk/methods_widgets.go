package fakevk

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/vkscript"
)

func init() {
	register("appWidgets.getAppImages", anyToken, scopeNone, (*call).appWidgetsGetAppImages)
	register("appWidgets.getGroupImages", groupToken, scopeWidget, (*call).appWidgetsGetGroupImages)
	register("appWidgets.getGroupImageUploadServer", groupToken, scopeWidget, (*call).appWidgetsGetUploadServer)
	register("appWidgets.getImagesById", anyToken, scopeNone, (*call).appWidgetsGetImagesByID)
	register("appWidgets.saveGroupImage", groupToken, scopeWidget, (*call).appWidgetsSaveGroupImage)
	register("appWidgets.update", groupToken, scopeWidget, (*call).appWidgetsUpdate)
}

const (
	maxWidgetCode   = 100_000
	maxWidgetImages = 1000 // of a community
)

var (
	widgetTypes = []string{"compact_list", "cover_list", "donation", "list", "match", "matches", "table", "text", "tiles"}
	widgetSizes = []string{"24x24", "50x50", "160x160", "160x240", "510x128"}
)

// A widgetImage is a picture for the widget on a community's page. VK stores it
// in the size of its type, and at two and three times that size.
type widgetImage struct {
	id   string // owner_number
	size string
	hash string // part of its addresses
}

// widgetSize parses a type of images, such as 160x240.
func widgetSize(name string) (width, height int) {
	w, h, _ := strings.Cut(name, "x")
	width, _ = strconv.Atoi(w)
	height, _ = strconv.Atoi(h)
	return width, height
}

func (i widgetImage) wire() map[string]any {
	width, height := widgetSize(i.size)
	images := []map[string]any{}
	for n := 1; n <= 3; n++ {
		images = append(images, map[string]any{
			"url":   "https://sun9-1.userapi.com/widget/" + i.hash + "_" + strconv.Itoa(n) + ".png",
			"width": n * width, "height": n * height,
		})
	}
	return map[string]any{"id": i.id, "images": images}
}

// widgetImages returns a page of the pictures of one type, or of all types.
func (c *call) widgetImages(list []widgetImage) any {
	offset, count := c.intIn("offset", 0, 0, 1<<31), c.intIn("count", 20, 0, 100)
	if c.has("image_type") {
		size := c.oneOf("image_type", widgetSizes...)
		list = slices.DeleteFunc(slices.Clone(list), func(i widgetImage) bool { return i.size != size })
	}
	items := []map[string]any{}
	for _, i := range page(list, offset, count) {
		items = append(items, i.wire())
	}
	return map[string]any{"count": len(list), "items": items}
}

// appWidgetsGetAppImages returns none: applications have no pictures in this
// world.
func (c *call) appWidgetsGetAppImages() (any, *apiError) { return c.widgetImages(nil), nil }

func (c *call) appWidgetsGetGroupImages() (any, *apiError) {
	return c.widgetImages(c.w.groups[-c.token.owner].images), nil
}

// appWidgetsGetImagesByID skips unknown pictures.
func (c *call) appWidgetsGetImagesByID() (any, *apiError) {
	c.require("images")
	items := []map[string]any{}
	for _, id := range c.list("images", 100) {
		owner, _, _ := strings.Cut(id, "_")
		n, _ := strconv.ParseInt(owner, 10, 64)
		if g := c.w.groups[-n]; g != nil {
			for _, i := range g.images {
				if i.id == id {
					items = append(items, i.wire())
				}
			}
		}
	}
	return items, nil
}

func (c *call) appWidgetsGetUploadServer() (any, *apiError) {
	c.require("image_type")
	size := c.oneOf("image_type", widgetSizes...)
	return c.uploadServer(ticket{kind: kindWidgetImage, owner: c.token.owner, size: size}), nil
}

func (c *call) appWidgetsSaveGroupImage() (any, *apiError) {
	c.require("hash", "image")
	s := c.staged(c.str("hash"), kindWidgetImage)
	if s == nil || c.str("image") != s.value {
		return nil, fail(codeParamPhoto)
	}
	g := c.w.groups[-c.token.owner]
	if len(g.images) >= maxWidgetImages {
		return nil, invalid("too many images")
	}
	s.saved = true
	id := c.w.newMediaID()
	i := widgetImage{size: s.size, hash: c.w.hex(12, "widget", id)}
	i.id = strconv.FormatInt(s.owner, 10) + "_" + strconv.FormatInt(id, 10)
	g.images = append(g.images, i)
	c.w.touch()
	return i.wire(), nil
}

// appWidgetsUpdate runs the code, which returns the widget. The code may call
// methods, as in execute; a failed call is false.
func (c *call) appWidgetsUpdate() (any, *apiError) {
	c.require("code", "type")
	c.oneOf("type", widgetTypes...)
	script, err := vkscript.Parse(c.strMax("code", maxWidgetCode), scriptLimits)
	if err != nil {
		return nil, fail(codeCompile, "%s", err)
	}
	response, err := script.Run(vkscript.Options{Call: func(method string, params map[string]string) (json.RawMessage, bool) {
		response, fault := c.inner(method, params)
		return response, fault == nil
	}})
	if err != nil {
		return nil, fail(codeCompile, "%s", err)
	}
	if len(response) == 0 || response[0] != '{' && string(response) != "false" {
		return nil, invalid("code should return an object")
	}
	return 1, nil
}
