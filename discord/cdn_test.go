package discord_test

import (
	"testing"

	"github.com/vkrouter/vk/discord"
)

func TestImageAddresses(t *testing.T) {
	const cdn = "https://cdn.discordapp.com"
	none := discord.ImageSpec{}
	text := func(address string, ok bool) string {
		if ok != (address != "") {
			t.Errorf("%q, %v", address, ok)
		}
		return address
	}
	g := discord.Guild{ID: 1, Icon: "a_abc", Splash: "a_def", DiscoverySplash: "ghi", Banner: "jkl"}
	user := discord.User{ID: 80351110224678912, Avatar: "a_xyz", Banner: "b"}
	for _, tt := range []struct{ name, got, want string }{
		{"animated icon", text(g.IconURL(none)), cdn + "/icons/1/a_abc.gif"},
		{"icon as WebP, larger", text(g.IconURL(discord.ImageSpec{Format: discord.WebP, Size: 100})), cdn + "/icons/1/a_abc.webp?size=128"},
		{"no icon", text(discord.Guild{ID: 1}.IconURL(none)), ""},
		{"splash is never animated", text(g.SplashURL(discord.ImageSpec{Format: discord.GIF, Size: 5000})), cdn + "/splashes/1/a_def.png?size=4096"},
		{"no splash", text(discord.Guild{ID: 1}.SplashURL(none)), ""},
		{"discovery splash", text(g.DiscoverySplashURL(discord.ImageSpec{Format: discord.JPEG, Size: 1})), cdn + "/discovery-splashes/1/ghi.jpg?size=16"},
		{"banner", text(g.BannerURL(discord.ImageSpec{Base: "http://127.0.0.1:8080/cdn/", Size: 16})), "http://127.0.0.1:8080/cdn/banners/1/jkl.png?size=16"},
		{"avatar", user.AvatarURL(none), cdn + "/avatars/80351110224678912/a_xyz.gif"},
		{"avatar that is not animated", discord.User{ID: 5, Avatar: "x"}.AvatarURL(discord.ImageSpec{Format: discord.GIF}), cdn + "/avatars/5/x.png"},
		{"user's banner", text(user.BannerURL(none)), cdn + "/banners/80351110224678912/b.png"},
		{"no banner", text(discord.User{}.BannerURL(none)), ""},
		{"default avatar", discord.User{ID: 80351110224678912, Discriminator: "0"}.AvatarURL(discord.ImageSpec{Size: 64}), cdn + "/embed/avatars/5.png"},
		{"default avatar by discriminator", discord.User{ID: 80351110224678912, Discriminator: "1337"}.AvatarURL(none), cdn + "/embed/avatars/2.png"},
		{"member's avatar", text(discord.Member{User: &user, Avatar: "m"}.AvatarURL(1, none)), cdn + "/guilds/1/users/80351110224678912/avatars/m.png"},
		{"no member's avatar", text(discord.Member{}.AvatarURL(1, none)), ""},
		{"role", text(discord.Role{ID: 2, Icon: "r"}.IconURL(none)), cdn + "/role-icons/2/r.png"},
		{"application", text(discord.Application{ID: 3, Icon: "p"}.IconURL(none)), cdn + "/app-icons/3/p.png"},
		{"emoji", text(discord.Emoji{ID: 4}.URL(none)), cdn + "/emojis/4.png"},
		{"animated emoji", text(discord.Emoji{ID: 4, Animated: true}.URL(discord.ImageSpec{Size: 32})), cdn + "/emojis/4.gif?size=32"},
		{"emoji that is not animated", text(discord.Emoji{ID: 4}.URL(discord.ImageSpec{Format: discord.GIF})), cdn + "/emojis/4.png"},
		{"Unicode emoji", text(discord.Emoji{Name: "👍"}.URL(none)), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	c := discord.NewClient("x")
	if got := c.CDN().Base; got != discord.DefaultCDNURL || discord.DefaultCDNURL != cdn {
		t.Error(got)
	}
	c.CDNURL = "http://127.0.0.1:8080"
	if got := user.AvatarURL(c.CDN()); got != "http://127.0.0.1:8080/avatars/80351110224678912/a_xyz.gif" {
		t.Error(got)
	}
}
