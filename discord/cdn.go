package discord

import (
	"cmp"
	"strconv"
	"strings"
)

// An ImageFormat is a format of a picture.
type ImageFormat string

// The formats.
const (
	PNG  ImageFormat = "png"
	JPEG ImageFormat = "jpg"
	WebP ImageFormat = "webp"
	GIF  ImageFormat = "gif" // of animated pictures only; of others Discord has a PNG
)

// An ImageSpec says how a picture is to be. The zero ImageSpec is a PNG, or a GIF of an
// animated picture, in the size that Discord chooses, at [DefaultCDNURL].
type ImageSpec struct {
	Format ImageFormat

	// Size is the length of the sides in pixels, rounded up to a power of two between
	// 16 and 4096. Zero leaves it to Discord.
	Size int

	// Base is the address of the CDN. If empty, it is [DefaultCDNURL]. [Client.CDN]
	// returns that of a Client.
	Base string
}

// CDN returns an ImageSpec for the CDN that c uses: to be changed and passed on, for
// example to [User.AvatarURL].
func (c *Client) CDN() ImageSpec { return ImageSpec{Base: cmp.Or(c.CDNURL, DefaultCDNURL)} }

// url returns the address of a picture. It returns "" and false if there is none.
func (s ImageSpec) url(hash string, animates bool, path ...string) (string, bool) {
	if hash == "" {
		return "", false
	}
	animated := animates && strings.HasPrefix(hash, "a_")
	format := s.Format
	switch {
	case format == "" && animated:
		format = GIF
	case format == "", format == GIF && !animated:
		format = PNG
	}
	return s.base() + "/" + strings.Join(path, "/") + "/" + hash + "." + string(format) + s.query(), true
}

func (s ImageSpec) base() string { return strings.TrimSuffix(cmp.Or(s.Base, DefaultCDNURL), "/") }

func (s ImageSpec) query() string {
	if s.Size <= 0 {
		return ""
	}
	size := 16
	for size < s.Size && size < 4096 {
		size *= 2
	}
	return "?size=" + strconv.Itoa(size)
}

// AvatarURL returns the address of the user's avatar. It returns that of a default
// avatar if the user has none.
func (u User) AvatarURL(s ImageSpec) string {
	if address, ok := s.url(u.Avatar, true, "avatars", u.ID.String()); ok {
		return address
	}
	return u.DefaultAvatarURL(s)
}

// DefaultAvatarURL returns the address of the avatar that the user has without one of
// its own. It is a PNG of one size.
func (u User) DefaultAvatarURL(s ImageSpec) string {
	index := int((u.ID >> 22) % 6)
	if n, err := strconv.Atoi(u.Discriminator); err == nil && n != 0 {
		index = n % 5
	}
	return s.base() + "/embed/avatars/" + strconv.Itoa(index) + ".png"
}

// BannerURL returns the address of the user's banner, and false if there is none.
func (u User) BannerURL(s ImageSpec) (string, bool) {
	return s.url(u.Banner, true, "banners", u.ID.String())
}

// AvatarURL returns the address of the avatar that the member has in the guild, and
// false if it has none of its own there.
func (m Member) AvatarURL(guild ID, s ImageSpec) (string, bool) {
	return s.url(m.Avatar, true, "guilds", guild.String(), "users", userOf(m.User).String(), "avatars")
}

// IconURL returns the address of the guild's icon, and false if there is none.
func (g Guild) IconURL(s ImageSpec) (string, bool) {
	return s.url(g.Icon, true, "icons", g.ID.String())
}

// SplashURL returns the address of the picture behind the guild's invitations, and
// false if there is none.
func (g Guild) SplashURL(s ImageSpec) (string, bool) {
	return s.url(g.Splash, false, "splashes", g.ID.String())
}

// DiscoverySplashURL returns the address of the guild's picture in the directory, and
// false if there is none.
func (g Guild) DiscoverySplashURL(s ImageSpec) (string, bool) {
	return s.url(g.DiscoverySplash, false, "discovery-splashes", g.ID.String())
}

// BannerURL returns the address of the guild's banner, and false if there is none.
func (g Guild) BannerURL(s ImageSpec) (string, bool) {
	return s.url(g.Banner, true, "banners", g.ID.String())
}

// IconURL returns the address of the role's icon, and false if there is none.
func (r Role) IconURL(s ImageSpec) (string, bool) {
	return s.url(r.Icon, false, "role-icons", r.ID.String())
}

// IconURL returns the address of the application's icon, and false if there is none.
func (a Application) IconURL(s ImageSpec) (string, bool) {
	return s.url(a.Icon, false, "app-icons", a.ID.String())
}

// URL returns the address of a custom emoji's picture, and false for a Unicode emoji.
func (e Emoji) URL(s ImageSpec) (string, bool) {
	if e.ID == 0 {
		return "", false
	}
	if s.Format == "" {
		s.Format = PNG
		if e.Animated {
			s.Format = GIF
		}
	} else if s.Format == GIF && !e.Animated {
		s.Format = PNG
	}
	return s.base() + "/emojis/" + e.ID.String() + "." + string(s.Format) + s.query(), true
}

// APIName returns the emoji as calls about reactions take it: a Unicode emoji as it
// is, a custom one as "name:id".
func (e Emoji) APIName() string {
	if e.ID == 0 {
		return e.Name
	}
	return cmp.Or(e.Name, "_") + ":" + e.ID.String()
}

// String returns the emoji as the text of a message has it.
func (e Emoji) String() string {
	switch {
	case e.ID == 0:
		return e.Name
	case e.Animated:
		return "<a:" + e.APIName() + ">"
	}
	return "<:" + e.APIName() + ">"
}
