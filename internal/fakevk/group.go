package fakevk

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A GroupSpec describes a community to [World.AddGroup]. The zero value is an
// open group with long poll and bot features enabled.
type GroupSpec struct {
	ID         int64 // if zero, the next free one
	Name       string
	ScreenName string // the default is club{ID}
	Type       string // group, page or event; the default is group

	// Token is the value of the community's first token. If empty, AddGroup
	// generates one.
	Token string

	// Scopes lists the scopes of the community's first token by name; nil means
	// all.
	Scopes []string

	// Members are the users who have joined.
	Members []int64

	// Admins are members with the administrator role. Their tokens and the
	// Creator's may act for the community.
	Admins  []int64
	Creator int64

	LongPoll LongPollSettings

	// NoBotFeatures disables bot features: keyboards are refused with error
	// 912.
	NoBotFeatures bool

	// Intents lists the intents that the community may use besides default; nil
	// means all. Other intents are refused with error 943.
	Intents []string

	// Fields are further fields, returned if a call asks for them by name.
	Fields map[string]any
}

// LongPollSettings are a community's Bots Long Poll settings.
type LongPollSettings struct {
	// Disabled disables long poll: groups.getLongPollServer fails with error
	// 100.
	Disabled bool

	// APIVersion is the API version of the events. The default is 5.199.
	APIVersion string

	// Events switches single events on and off. Events not listed are on,
	// except message_reply, message_edit, message_typing_state and
	// message_read, which are off.
	Events map[string]bool
}

// A Group is a community of the world as tests see it.
type Group struct {
	ID         int64
	Name       string
	ScreenName string
	Token      string
}

type group struct {
	spec GroupSpec
	lp   longPoll

	// allowed records whether a user lets the community write to them: true
	// after a first message or World.Allow, false after World.Deny.
	allowed map[int64]bool
	banned  map[int64]*ban
	members map[int64]*groupMember
	joined  int64 // number of joins so far

	settings    map[string]any // settings changed by groups.edit
	features    features
	online      string // none, online or answer_mark
	answerIn    int64  // minutes, if online is answer_mark
	subscribers map[subscription]time.Time
	tags        []*tag
	lastTag     int64
	notes       map[int64]string // moderators' notes, by user
	images      []widgetImage
	addresses   []*address
	lastAddress int64
	orders      []*order
	topics      []*topicComment

	held []Event // events that faults hold back to be overtaken

	callbacks    []*callback
	lastCallback int64
	deliveries   []Delivery
}

// eventNames are the switches of the long poll settings that the schema's
// setter or getter lists.
var eventNames = []string{
	"audio_new", "board_post_delete", "board_post_edit", "board_post_new", "board_post_restore",
	"donut_money_withdraw", "donut_money_withdraw_error", "donut_subscription_cancelled",
	"donut_subscription_create", "donut_subscription_expired", "donut_subscription_price_changed",
	"donut_subscription_prolonged", "group_change_photo", "group_change_settings", "group_join",
	"group_leave", "group_officers_edit", "lead_forms_new", "like_add", "like_remove",
	"market_comment_delete", "market_comment_edit", "market_comment_new", "market_comment_restore",
	"market_order_edit", "market_order_new", "message_allow", "message_deny", "message_edit",
	"message_event", "message_new", "message_reaction_event", "message_read", "message_reply",
	"message_typing_state", "photo_comment_delete", "photo_comment_edit", "photo_comment_new",
	"photo_comment_restore", "photo_new", "poll_vote_new", "user_block", "user_unblock",
	"video_comment_delete", "video_comment_edit", "video_comment_new", "video_comment_restore",
	"video_new", "wall_post_new", "wall_reply_delete", "wall_reply_edit", "wall_reply_new",
	"wall_reply_restore", "wall_repost", "wall_schedule_post_delete", "wall_schedule_post_new",
}

// offByDefault are the events that a new community does not send: most of them
// report the bot's own actions.
var offByDefault = []string{"message_reply", "message_edit", "message_typing_state", "message_read"}

// AddGroup adds a community with a token. It panics if the id or the screen
// name is taken, or a scope, an intent, a version or an event is unknown.
func (w *World) AddGroup(s GroupSpec) Group {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.ID == 0 {
		s.ID = w.lastGroup + 1
	}
	if s.ID < 0 || s.ID >= chatBase || w.groups[s.ID] != nil {
		panic(fmt.Sprintf("fakevk: group id %d is taken or out of range", s.ID))
	}
	if s.Token != "" && w.tokens[s.Token] != nil {
		panic("fakevk: the token is taken")
	}
	for _, n := range s.Intents {
		if !slices.Contains(intents, n) {
			panic("fakevk: unknown intent " + n + ": the intents are " + strings.Join(intents, ", "))
		}
	}
	mustEvents(s.LongPoll.APIVersion, s.LongPoll.Events)
	mask := scopeMask(s.Scopes)
	w.lastGroup = max(w.lastGroup, s.ID)
	s.Name = cmp.Or(s.Name, "Test community")
	s.Type = cmp.Or(s.Type, "group")
	s.ScreenName = cmp.Or(s.ScreenName, fmt.Sprintf("club%d", s.ID))
	w.claimName(s.ScreenName, -s.ID)
	s.Admins, s.Fields = slices.Clone(s.Admins), maps.Clone(s.Fields)
	g := &group{spec: s, allowed: make(map[int64]bool), banned: make(map[int64]*ban)}
	g.init()
	g.lp.init(s.ID)
	g.lp.configure(s.LongPoll)
	w.groups[s.ID] = g
	w.tell(Change{Kind: ChangeGroup, ID: s.ID})
	made := token{kind: groupToken, owner: -s.ID, scope: mask}
	t := s.Token
	if t == "" {
		t = w.addToken(made)
	} else {
		w.putToken(t, made)
	}
	w.touch()
	return Group{ID: s.ID, Name: s.Name, ScreenName: s.ScreenName, Token: t}
}

// SetLongPoll replaces the long poll settings of a community, as its admin
// would on the settings page.
func (w *World) SetLongPoll(group int64, s LongPollSettings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustGroup(group).lp.configure(s)
}

// SetBotFeatures switches the bot features of a community on or off.
func (w *World) SetBotFeatures(group int64, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustGroup(group).features.bots = on
}

// Allow lets a community write to a user, as the button on its page does, and
// emits message_allow. The key is the one that the widget passes on; it may be
// empty.
func (w *World) Allow(user, group int64, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allow(w.mustGroup(group), user, key)
}

func (w *World) allow(g *group, user int64, key string) {
	g.allowed[user] = true
	if u := w.users[user]; u != nil {
		u.DenyMessages = false
	}
	w.emit(g, "message_allow", struct {
		UserID int64  `json:"user_id"`
		Key    string `json:"key"`
	}{user, key})
}

// Deny forbids a community to write to a user and emits message_deny.
func (w *World) Deny(user, group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deny(w.mustGroup(group), user)
}

func (w *World) deny(g *group, user int64) {
	g.allowed[user] = false
	w.emit(g, "message_deny", struct {
		UserID int64 `json:"user_id"`
	}{user})
}

// Ban adds a user to a community's blacklist, without an end, and emits
// user_block. The community can no longer write to the user (error 900), nor
// the user to the community.
func (w *World) Ban(admin, user, group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.block(w.mustGroup(group), user, ban{admin: admin})
}

// Unban removes a user from the blacklist and emits user_unblock.
func (w *World) Unban(admin, user, group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unblock(w.mustGroup(group), user, admin, false)
}

// mustGroup returns a community for the methods that tests call. It panics on
// an unknown id, because that is a mistake of the test.
func (w *World) mustGroup(id int64) *group {
	g := w.groups[id]
	if g == nil {
		panic(fmt.Sprintf("fakevk: no community %d", id))
	}
	return g
}
