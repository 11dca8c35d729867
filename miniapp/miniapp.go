// Package miniapp verifies the launch parameters of VK's mini apps: the user and the
// app, signed by VK. The parameters are the query of the address that VK opens the app
// with; the app sends them to its server, which verifies them before it believes
// them.
//
//	v, err := miniapp.NewVerifier(appID, os.Getenv("VK_APP_KEY"), time.Hour)
//	…
//	launch, err := v.VerifyRequest(r)
//
// # The signature
//
// VK signs all parameters with the prefix vk_. The server does the same and
// compares:
//
//  1. take the parameters with the prefix vk_,
//  2. sort them by name,
//  3. encode them as a query: name=value, escaped, joined by &,
//  4. make an HMAC-SHA256 of that with the app's protected key,
//  5. encode it in base64 for addresses, without padding,
//  6. compare with the parameter sign, in constant time.
//
// See https://dev.vk.com/mini-apps/development/launch-params-sign.
package miniapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultMaxAge is how old launch parameters may be if a Verifier does not say.
const DefaultMaxAge = 24 * time.Hour

// maxQuery limits the length of launch parameters, in bytes. VK's have a few hundred.
const maxQuery = 16 << 10

// maxAhead is how far ahead of the server's clock VK's may be.
const maxAhead = 5 * time.Minute

// Errors of launch parameters, which are told apart by errors.Is. An app treats all of
// them alike: as an unknown user.
var (
	// ErrNoSign is returned if there is no signature.
	ErrNoSign = errors.New("miniapp: the launch parameters have no sign")

	// ErrSign is returned if the signature is another one: the parameters were changed,
	// or they are for another app.
	ErrSign = errors.New("miniapp: the sign of the launch parameters is wrong")

	// ErrExpired is returned if the parameters are older than the Verifier allows, or
	// from the future.
	ErrExpired = errors.New("miniapp: the launch parameters have expired")

	// ErrApp is returned if the parameters are for another app than the Verifier's.
	ErrApp = errors.New("miniapp: the launch parameters are for another app")
)

// A ParamError is a launch parameter, or their whole query, that cannot be read.
type ParamError struct {
	Name string // of the parameter; empty for the query
	Text string // the mistake
}

// Error names the parameter and the mistake. It shows no value of a parameter.
func (e *ParamError) Error() string {
	if e.Name == "" {
		return "miniapp: launch parameters: " + e.Text
	}
	return fmt.Sprintf("miniapp: launch parameter %q: %s", e.Name, e.Text)
}

// A Verifier verifies launch parameters. Its methods are safe for concurrent use.
type Verifier struct {
	key    []byte
	app    int64
	maxAge time.Duration
}

// NewVerifier returns a Verifier for the app with the id. The protected key stands in
// the app's settings. Launch parameters may be as old as maxAge; zero means
// [DefaultMaxAge], and a negative value no limit. It returns an error if the key is
// empty or the id is not positive, for then anybody could sign.
func NewVerifier(app int64, key string, maxAge time.Duration) (*Verifier, error) {
	key = strings.TrimRight(key, "\r\n")
	switch {
	case key == "":
		return nil, errors.New("miniapp: the protected key is empty: copy it from the app's settings")
	case app <= 0:
		return nil, errors.New("miniapp: the app's id is not positive: copy it from the app's settings")
	case maxAge == 0:
		maxAge = DefaultMaxAge
	}
	return &Verifier{key: []byte(key), app: app, maxAge: maxAge}, nil
}

// String returns a text without the key.
func (v *Verifier) String() string { return fmt.Sprintf("miniapp.Verifier(app %d)", v.app) }

// GoString returns the same as String.
func (v *Verifier) GoString() string { return v.String() }

// Verify verifies launch parameters: a query, such as "vk_app_id=1&…&sign=…". A
// question mark before it, and an address, are taken off. The errors are [ErrNoSign],
// [ErrSign], [ErrApp], [ErrExpired] and [*ParamError].
func (v *Verifier) Verify(query string) (*Launch, error) { return v.verify(query, time.Now()) }

// VerifyRequest verifies the launch parameters of a request: those in its header
// Authorization, behind the word VK, or else the query of its address.
func (v *Verifier) VerifyRequest(r *http.Request) (*Launch, error) {
	if scheme, query, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "VK") {
		return v.Verify(strings.TrimSpace(query))
	}
	return v.Verify(r.URL.RawQuery)
}

func (v *Verifier) verify(query string, now time.Time) (*Launch, error) {
	values, err := parse(query)
	if err != nil {
		return nil, err
	}
	sign := values.Get("sign")
	if sign == "" {
		return nil, ErrNoSign
	}
	// The texts are compared, not the decoded values: base64 has several texts for one
	// value.
	if !hmac.Equal([]byte(sign), []byte(v.sign(values))) {
		return nil, ErrSign
	}
	l, err := read(values)
	if err != nil {
		return nil, err
	}
	if l.AppID != v.app {
		return nil, ErrApp
	}
	if age := now.Sub(l.Time); v.maxAge > 0 && (age > v.maxAge || age < -maxAhead) {
		return nil, ErrExpired
	}
	return l, nil
}

// parse reads a query. A parameter that comes twice is an error: of two values, VK
// and the app could believe another one.
func parse(query string) (url.Values, error) {
	if i := strings.IndexByte(query, '?'); i >= 0 {
		query = query[i+1:]
	}
	query, _, _ = strings.Cut(query, "#")
	if len(query) > maxQuery {
		return nil, &ParamError{Text: fmt.Sprintf("longer than %d bytes", maxQuery)}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, &ParamError{Text: "not a query"} // the error has a value in it
	}
	for name, list := range values {
		if len(list) > 1 && (name == "sign" || strings.HasPrefix(name, "vk_")) {
			return nil, &ParamError{Name: name, Text: "comes twice"}
		}
	}
	return values, nil
}

// sign returns the signature of the parameters.
func (v *Verifier) sign(values url.Values) string {
	signed := make(url.Values)
	for name, list := range values {
		if strings.HasPrefix(name, "vk_") {
			signed[name] = list
		}
	}
	mac := hmac.New(sha256.New, v.key)
	mac.Write([]byte(signed.Encode())) // sorts by name
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Sign returns the query with the signature of its parameters, as VK would sign it: for
// tests. A sign in it is replaced.
func (v *Verifier) Sign(query string) (string, error) {
	values, err := parse(query)
	if err != nil {
		return "", err
	}
	values.Set("sign", v.sign(values))
	return values.Encode(), nil
}

// A Launch holds verified launch parameters.
type Launch struct {
	UserID   int64     // the user of the app
	AppID    int64     // the app
	Time     time.Time // when, in UTC
	GroupID  int64     // the community that the app is opened from, or 0
	Role     string    // the person's in that community: "none", "member", "moder", "editor" or "admin"; empty without one
	Platform string    // "mobile_android", "mobile_iphone", "desktop_web" and so on
	Ref      string    // from where: "catalog", "group" and so on
	Lang     string    // the language of VK's app: "ru", "en" and so on

	Notifications bool // whether the person allows the app to notify
	Favorite      bool // whether the person has the app among the favourites
	AppUser       bool // whether the person has installed the app

	// Params are all signed parameters, by VK's names.
	Params map[string]string
}

// read returns the Launch for parameters with a right signature.
func read(values url.Values) (*Launch, error) {
	l := &Launch{
		Role: values.Get("vk_viewer_group_role"), Platform: values.Get("vk_platform"), Ref: values.Get("vk_ref"), Lang: values.Get("vk_language"),
		Notifications: values.Get("vk_are_notifications_enabled") == "1", Favorite: values.Get("vk_is_favorite") == "1",
		AppUser: values.Get("vk_is_app_user") == "1", Params: make(map[string]string),
	}
	for name := range values {
		if strings.HasPrefix(name, "vk_") {
			l.Params[name] = values.Get(name)
		}
	}
	var seconds int64
	for _, n := range []struct {
		name     string
		to       *int64
		required bool
	}{{"vk_user_id", &l.UserID, true}, {"vk_app_id", &l.AppID, true}, {"vk_ts", &seconds, true}, {"vk_group_id", &l.GroupID, false}} {
		text := values.Get(n.name)
		if text == "" && !n.required {
			continue
		}
		var err error
		if *n.to, err = strconv.ParseInt(text, 10, 64); err != nil || *n.to < 0 || *n.to == 0 && n.required {
			return nil, &ParamError{Name: n.name, Text: "not a positive number"}
		}
	}
	l.Time = time.Unix(seconds, 0).UTC()
	return l, nil
}

// AppHash returns the text behind the # of an app's address: the hash of the
// vk.AppButton that opened it. The location is the app's, such as
// "https://example.com/?vk_app_id=1#order=5", or window.location.hash. VK does
// not sign it: anybody may write a link with another hash.
func AppHash(location string) string {
	_, hash, _ := strings.Cut(location, "#")
	if text, err := url.PathUnescape(hash); err == nil {
		return text
	}
	return hash
}

// AppLink returns the address at VK that opens an app with a hash, as a button does. The
// owner is the community that the app is opened from, as a negative number, or 0.
func AppLink(app, owner int64, hash string) string {
	link := "https://vk.com/app" + strconv.FormatInt(app, 10)
	if owner != 0 {
		link += "_" + strconv.FormatInt(owner, 10)
	}
	if hash != "" {
		link += "#" + (&url.URL{Fragment: hash}).EscapedFragment()
	}
	return link
}
