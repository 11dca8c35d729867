package miniapp

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Vectors, made with another implementation of the published algorithm.
const (
	shortQuery = "vk_user_id=7&vk_app_id=5&vk_ts=1700000000"
	shortKey   = "key"
	shortSign  = "dscqeLM1-P4aD3yIYOhb3mfrtVS3fnKcBg5H6psXz10"

	longQuery = "vk_access_token_settings=notify%2Cfriends&vk_app_id=5&vk_are_notifications_enabled=1&vk_group_id=9&vk_is_app_user=1&vk_is_favorite=0&vk_language=ru" +
		"&vk_platform=mobile_android&vk_ref=group&vk_ts=1700000000&vk_user_id=7&vk_viewer_group_role=admin"
	longKey  = "protected"
	longSign = "H4qxps4YrRvySCewJ12GifNS8r6-lmYXRLx29LtSMMg"
)

var signedAt = time.Unix(1_700_000_000, 0).UTC()

func verifier(t testing.TB, key string, maxAge time.Duration) *Verifier {
	t.Helper()
	v, err := NewVerifier(5, key, maxAge)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerify(t *testing.T) {
	short := &Launch{UserID: 7, AppID: 5, Time: signedAt, Params: map[string]string{"vk_user_id": "7", "vk_app_id": "5", "vk_ts": "1700000000"}}
	for _, tt := range []struct {
		name, key, query string
		want             *Launch
	}{
		{"short", shortKey, shortQuery + "&sign=" + shortSign, short},
		{"another order", shortKey, "sign=" + shortSign + "&vk_ts=1700000000&vk_app_id=5&vk_user_id=7", short},
		{"question mark", shortKey, "?" + shortQuery + "&sign=" + shortSign, short},
		{"an address", shortKey, "https://example.com/?" + shortQuery + "&sign=" + shortSign + "#hash", short},
		{"parameters of the app itself are not signed", shortKey, shortQuery + "&utm=a&utm=b&sign=" + shortSign, short},
		{"a line break behind the key", shortKey + "\n", shortQuery + "&sign=" + shortSign, short},
		{"long", longKey, longQuery + "&sign=" + longSign, &Launch{
			UserID: 7, AppID: 5, Time: signedAt, GroupID: 9, Role: "admin", Platform: "mobile_android", Ref: "group", Lang: "ru", Notifications: true, AppUser: true,
			Params: map[string]string{
				"vk_access_token_settings": "notify,friends", "vk_app_id": "5", "vk_are_notifications_enabled": "1", "vk_group_id": "9", "vk_is_app_user": "1",
				"vk_is_favorite": "0", "vk_language": "ru", "vk_platform": "mobile_android", "vk_ref": "group", "vk_ts": "1700000000", "vk_user_id": "7", "vk_viewer_group_role": "admin",
			},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := verifier(t, tt.key, time.Hour).verify(tt.query, signedAt.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("launch (-want +got):\n%s", d)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	signed := shortQuery + "&sign=" + shortSign
	own := func(query string) string { // signed with the key
		s, err := verifier(t, shortKey, 0).Sign(query)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	flip := []byte(shortSign)
	flip[len(flip)-1]++ // the last letter has bits that base64 drops
	for _, tt := range []struct {
		name, query string
		now         time.Time
		maxAge      time.Duration
		want        error
		text        string
	}{
		{"nothing", "", signedAt, 0, ErrNoSign, ""},
		{"no sign", shortQuery, signedAt, 0, ErrNoSign, ""},
		{"another user", strings.Replace(signed, "user_id=7", "user_id=8", 1), signedAt, 0, ErrSign, ""},
		{"a parameter more", signed + "&vk_group_id=1", signedAt, 0, ErrSign, ""},
		{"a parameter less", strings.Replace(signed, "&vk_ts=1700000000", "", 1), signedAt, 0, ErrSign, ""},
		{"another key", shortQuery + "&sign=" + longSign, signedAt, 0, ErrSign, ""},
		{"another text of the same value", shortQuery + "&sign=" + string(flip), signedAt, 0, ErrSign, ""},
		{"padding", signed + "%3D", signedAt, 0, ErrSign, ""},
		{"a parameter twice", signed + "&vk_user_id=8", signedAt, 0, nil, `miniapp: launch parameter "vk_user_id": comes twice`},
		{"sign twice", signed + "&sign=x", signedAt, 0, nil, `miniapp: launch parameter "sign": comes twice`},
		{"another app", own("vk_app_id=6&vk_user_id=7&vk_ts=1700000000"), signedAt, 0, ErrApp, ""},
		{"old", signed, signedAt.Add(time.Hour + time.Second), time.Hour, ErrExpired, ""},
		{"old by default", signed, signedAt.Add(DefaultMaxAge + time.Second), 0, ErrExpired, ""},
		{"from the future", signed, signedAt.Add(-maxAhead - time.Second), time.Hour, ErrExpired, ""},
		{"no time", own("vk_app_id=5&vk_user_id=7"), signedAt, 0, nil, `miniapp: launch parameter "vk_ts": not a positive number`},
		{"a time that is none", own("vk_app_id=5&vk_user_id=7&vk_ts=now"), signedAt, 0, nil, `miniapp: launch parameter "vk_ts": not a positive number`},
		{"a user that is none", own("vk_app_id=5&vk_user_id=0&vk_ts=1700000000"), signedAt, 0, nil, `miniapp: launch parameter "vk_user_id": not a positive number`},
		{"not a query", "a=%zz", signedAt, 0, nil, "miniapp: launch parameters: not a query"},
		{"too long", strings.Repeat("a", maxQuery+1), signedAt, 0, nil, fmt.Sprintf("miniapp: launch parameters: longer than %d bytes", maxQuery)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := verifier(t, shortKey, tt.maxAge).verify(tt.query, tt.now)
			var bad *ParamError
			switch {
			case err == nil || l != nil:
				t.Errorf("got %+v, %v", l, err)
			case tt.want != nil && !errors.Is(err, tt.want), tt.want == nil && (err.Error() != tt.text || !errors.As(err, &bad)):
				t.Errorf("got %v, want %v%s", err, tt.want, tt.text)
			}
		})
	}
	t.Run("no limit", func(t *testing.T) {
		if _, err := verifier(t, shortKey, -1).verify(signed, signedAt.AddDate(10, 0, 0)); err != nil {
			t.Error(err)
		}
	})
}

func TestVerifyRequest(t *testing.T) {
	v := verifier(t, shortKey, -1)
	signed := shortQuery + "&sign=" + shortSign
	for _, tt := range []struct {
		name, target, header string
		err                  error
	}{
		{"in the address", "/?" + signed, "", nil},
		{"in the header", "/", "VK " + signed, nil},
		{"in the header, another case", "/", "vk  " + signed, nil},
		{"the header counts", "/?" + signed, "VK " + shortQuery, ErrNoSign},
		{"another scheme", "/", "Bearer " + signed, ErrNoSign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, tt.target, nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			if _, err := v.VerifyRequest(r); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

func TestNewVerifierMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		app  int64
		key  string
	}{{"no key", 5, ""}, {"a line break for a key", 5, "\n"}, {"no app", 0, "key"}, {"a negative app", -1, "key"}} {
		t.Run(tt.name, func(t *testing.T) {
			if v, err := NewVerifier(tt.app, tt.key, 0); err == nil || v != nil {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
}

// TestKeyIsNotShown: however a Verifier is printed, its key is not in it.
func TestKeyIsNotShown(t *testing.T) {
	v := verifier(t, "hush", 0)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, v); strings.Contains(s, "hush") || strings.Contains(s, "104") {
			t.Errorf("%s prints %s", format, s)
		}
	}
}

func TestAppHash(t *testing.T) {
	for _, tt := range []struct{ name, hash string }{
		{"nothing", ""}, {"plain", "order=5"}, {"escaped", "a b%#ю"}, {"a path", "/shop/1?x=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := AppHash(AppLink(5, -9, tt.hash)); got != tt.hash {
				t.Errorf("got %q", got)
			}
		})
	}
	if got := AppLink(5, -9, "order=5"); got != "https://vk.com/app5_-9#order=5" {
		t.Errorf("got %s", got)
	}
	if got := AppLink(5, 0, ""); got != "https://vk.com/app5" {
		t.Errorf("got %s", got)
	}
	if got := AppHash("https://example.com/?vk_app_id=5#100%"); got != "100%" {
		t.Errorf("got %s", got)
	}
}

// FuzzVerify: nothing panics, and only signed parameters pass.
func FuzzVerify(f *testing.F) {
	for _, q := range []string{"", shortQuery, shortQuery + "&sign=" + shortSign, longQuery + "&sign=" + longSign, "?sign=a&vk_ts=1", "vk_a=%00&vk_=&sign=", "a;b&vk_ts=1"} {
		f.Add(q)
	}
	v := verifier(f, shortKey, -1)
	f.Fuzz(func(t *testing.T, query string) {
		if l, err := v.verify(query, signedAt); err == nil && (l.UserID != 7 || l.AppID != 5 || len(l.Params) != 3) {
			t.Errorf("%q passes: %+v", query, l)
		}
		signed, err := v.Sign(query)
		if err != nil {
			return
		}
		for _, wrong := range []error{ErrSign, ErrNoSign} {
			if _, err := v.verify(signed, signedAt); errors.Is(err, wrong) {
				t.Errorf("%q was signed, and is refused: %v", signed, err)
			}
		}
		values, err := url.ParseQuery(signed)
		if err != nil {
			t.Fatal(err)
		}
		values.Set("vk_user_id", values.Get("vk_user_id")+"1")
		if _, err := v.verify(values.Encode(), signedAt); !errors.Is(err, ErrSign) {
			t.Errorf("%q was changed, and is not refused by its sign: %v", signed, err)
		}
	})
}
