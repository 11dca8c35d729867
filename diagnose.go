package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// A Finding is a problem that [Diagnose] has found, with its remedy.
type Finding struct {
	Problem Problem

	// Severity is slog.LevelError if the bot will not work, slog.LevelWarn if a
	// part of it will not work, and slog.LevelInfo if the effect depends on the
	// bot or if a check was not possible.
	Severity slog.Level

	Text string // describes the problem, in English
	Mend string // the remedy; empty if there is none

	Kinds  []string // the kinds of events, for ProblemEventsOff and ProblemUnknownKind
	Rights []string // the missing rights, for ProblemRights, as VK names them
	Err    error    // VK's refusal, or the error that prevented a check; usually nil
}

// String returns the finding as one line.
func (f Finding) String() string {
	s := strings.ToLower(f.Severity.String()) + ": " + f.Text
	if f.Mend != "" {
		s += ": " + f.Mend
	}
	return s
}

// A Problem is the subject of a [Finding].
type Problem string

// The problems.
const (
	ProblemClient      Problem = "client"        // a field of the Client prevents calls
	ProblemToken       Problem = "token"         // the token is missing, VK rejects it, or it belongs to no community
	ProblemRights      Problem = "rights"        // the token lacks rights
	ProblemVersion     Problem = "version"       // the API version of the Client or of the community's settings is too old or invalid
	ProblemLongPollOff Problem = "long poll off" // long poll is disabled, and no callback server receives the events
	ProblemEventsOff   Problem = "events off"    // kinds of events that have handlers are disabled
	ProblemUnknownKind Problem = "unknown kind"  // there are handlers for a kind of event that is misspelled, or that is new in VK
	ProblemCallback    Problem = "callback"      // VK cannot deliver to a callback server
	ProblemBotsOff     Problem = "bots off"      // keyboards or chats are disabled in the community's settings
	ProblemNoHandlers  Problem = "no handlers"   // the bot has neither routes nor listeners
	ProblemUnchecked   Problem = "unchecked"     // VK did not answer a check: see Err
)

// Diagnose compares a bot with its community and returns the problems that it
// finds, the most severe first. It returns none if all is well. It checks the
// token and its rights, the API version, and whether long poll or a callback
// server delivers the events that h has handlers for. With a user's token, it
// also checks the bot features that the community allows.
//
// The kinds of events that have handlers are known for a [*Router], also one
// wrapped by [Wrap]: they are those of its routes and listeners, but not those
// that [Wait] awaits. For other handlers and for a nil h, the kinds are
// unknown, and Diagnose does not report on them.
//
// The rights are those that the bot's calls need, as VK names them: messages,
// photos, docs, stories, app_widget and manage. Diagnose reports the rights
// that a community's token lacks. Package vktest lists the rights that a test's
// calls needed, and package api lists those that its requests need. If no
// rights are given, Diagnose lists the limits of a bot without them.
//
// Diagnose makes about four calls of low priority, and one more for each
// callback server. It changes nothing. A call that fails is a finding too. A
// [Poller] runs the same checks when it starts, for long poll alone, and logs
// the findings.
//
// The calls are https://dev.vk.com/ru/method/groups.getTokenPermissions,
// https://dev.vk.com/ru/method/groups.getById,
// https://dev.vk.com/ru/method/groups.getLongPollSettings and, with a token
// that may manage the community,
// https://dev.vk.com/ru/method/groups.getCallbackServers and, for each server,
// https://dev.vk.com/ru/method/groups.getCallbackSettings.
func Diagnose(ctx context.Context, client *Client, h Handler, rights ...string) []Finding {
	d := newDiagnosis(ctx, client, h)
	d.rights = rights
	if d.checkVersion() && d.checkToken() && d.findGroup() {
		d.checkSources()
		d.checkFeatures()
	}
	return d.sorted()
}

// A diagnosis is the state of one Diagnose.
type diagnosis struct {
	ctx    context.Context
	client *Client
	group  int64

	rights  []string // that the bot's calls need
	kinds   []string // kinds of events that have handlers
	known   bool     // kinds is complete
	given   bool     // there is a handler
	user    bool     // the token is a user's
	manages bool     // the token may manage the community, or its rights are unknown

	findings []Finding
}

func newDiagnosis(ctx context.Context, client *Client, h Handler, more ...string) *diagnosis {
	d := &diagnosis{ctx: WithPriority(ctx, PriorityLow), client: client, given: h != nil, manages: true}
	d.kinds, d.known = kindsWanted(h, more)
	if d.known && len(d.kinds) == 0 {
		d.warn(ProblemNoHandlers, "the bot has neither routes nor listeners", "add some before it runs, unless modules bring them later")
	}
	return d
}

func (d *diagnosis) add(f Finding) { d.findings = append(d.findings, f) }

func (d *diagnosis) warn(p Problem, text, mend string) {
	d.add(Finding{Problem: p, Severity: slog.LevelWarn, Text: text, Mend: mend})
}

func (d *diagnosis) fatal(p Problem, text, mend string, err error) {
	d.add(Finding{Problem: p, Severity: slog.LevelError, Text: text, Mend: mend, Err: err})
}

// unchecked adds a finding for a check that failed with err.
func (d *diagnosis) unchecked(what string, err error) {
	d.add(Finding{Problem: ProblemUnchecked, Severity: slog.LevelInfo, Text: what + " could not be checked: " + err.Error(), Err: err})
}

// sorted returns the findings, the most severe first.
func (d *diagnosis) sorted() []Finding {
	slices.SortStableFunc(d.findings, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return d.findings
}

// call calls a method of the API.
func (d *diagnosis) call(method string, p Params, out any) error {
	return d.client.Call(d.ctx, method, p, out)
}

// API versions at which something changed, as comparable numbers: 5.199 is
// 5199.
const (
	versionDead    = 5081 // older versions were switched off on December 1st, 2024
	versionClients = 5103 // message_new has the capabilities of the user's app
	versionShapes  = 5139 // answers have the same shape as this package's types
)

// apiVersion returns an API version as a comparable number, or 0 if it is
// invalid.
func apiVersion(s string) int {
	major, minor, _ := strings.Cut(s, ".")
	a, err := strconv.ParseUint(major, 10, 8)
	b, err2 := strconv.ParseUint(minor, 10, 16)
	if err != nil || err2 != nil || b > 999 {
		return 0
	}
	return int(a*1000 + b)
}

// checkVersion checks the API version of the Client, and reports whether VK
// supports it.
func (d *diagnosis) checkVersion() bool {
	s := d.client.version()
	switch v := apiVersion(s); {
	case v == 0:
		d.fatal(ProblemVersion, fmt.Sprintf("%q is not a version of the API", s), "leave Client.Version empty", nil)
		return false
	case v < versionDead:
		d.fatal(ProblemVersion, fmt.Sprintf("VK has switched off version %s of the API", s), "leave Client.Version empty", nil)
		return false
	case v < versionShapes:
		d.warn(ProblemVersion, fmt.Sprintf("some answers of version %s of the API do not match this package's types", s), "leave Client.Version empty")
	}
	return true
}

// checkToken determines the kind of the token and its rights. It reports
// whether the diagnosis can continue.
func (d *diagnosis) checkToken() bool {
	var own struct {
		Mask   *int64 `json:"mask"`
		Rights []struct {
			Name string `json:"name"`
		} `json:"permissions"`
	}
	err := d.call("groups.getTokenPermissions", nil, &own)
	var refused *Error
	switch {
	case err == nil:
		d.client.learn(tokenCommunity)
		if own.Mask != nil {
			d.checkRights(func(name string, bit int64) bool {
				return *own.Mask&bit != 0 || slices.ContainsFunc(own.Rights, func(r struct {
					Name string `json:"name"`
				}) bool {
					return r.Name == name
				})
			})
		}
		return true
	case !errors.As(err, &refused):
		if wrong := explain(err); wrong != nil {
			problem := ProblemClient
			if wrong.Field == "Client.Token" {
				problem = ProblemToken
			}
			d.fatal(problem, wrong.Text, wrong.Mend, err)
		} else {
			d.unchecked("the token", err)
		}
		return false
	}
	switch refused.Code {
	case CodeAccess, CodePermission, CodeGroupAuth, CodeStandaloneOnly: // the token is not a community's
	default:
		if wrong := explain(err); wrong != nil {
			text := wrong.Text
			if text == untaken {
				text += ": " + refused.Message
			}
			d.fatal(ProblemToken, text, wrong.Mend, err)
			return false
		}
		d.unchecked("the token's rights", err)
		return refused.Code != CodeUnknown && !refused.Temporary()
	}
	users, askErr := Call[[]User](d.ctx, d.client, "users.get", nil)
	if askErr != nil || len(users) == 0 {
		d.unchecked("the token's rights", err)
		return true
	}
	d.user = true
	d.client.learn(tokenOther)
	if d.client.RPS <= 0 || d.client.RPS > 3 {
		d.warn(ProblemToken, "VK allows a user's token 3 calls in a second, and the client makes more", "set Client.RPS to 3")
	}
	return true
}

// untaken is the text for a token that is invalid, expired or revoked.
const untaken = "VK rejects the token"

// explain returns a ConfigError for a permanent error: its meaning for the bot,
// and the remedy. It returns nil if there is nothing to add to the error's own
// text. Diagnose, Poller.Run and Callback.Setup use its words.
func explain(err error) *ConfigError {
	var wrong *ConfigError
	var refused *Error
	switch {
	case errors.As(err, &wrong):
		return wrong
	case !errors.As(err, &refused):
		return nil
	}
	token := func(text, mend string) *ConfigError {
		return &ConfigError{Field: "Client.Token", Text: text, Mend: mend, Err: err}
	}
	if refused.Code == CodeRequest && strings.Contains(refused.Message, "version") {
		wrong := misuse("Client.Version", "is not a version of the API that VK has", "leave it empty")
		wrong.Err = err
		return wrong
	}
	const users = "use a community's token, made under " + atTokens
	switch refused.Code {
	case CodeAuth, CodeTokenExpired, CodeTokenExtension, CodeAnonymousExpired, CodeAnonymousInvalid:
		return token(untaken, "make a new one under "+atTokens)
	case CodeIPNotAllowed, CodeAnonymousIP:
		return token("the token may not be used from this address", "allow the address, or make a new token under "+atTokens)
	case CodeAppAuth:
		return token("the token is an application's service key, which cannot run a bot", users)
	case CodeGroupAuth:
		return token(refused.Method+" is not for a community's token", "use the token of a user who administers the community")
	case CodeAccess:
		if right := refused.Right(); right != "" {
			return token("the token lacks the right "+right, "make a token that has it under "+atTokens)
		}
		if strings.Contains(refused.Message, "user auth") {
			return token(refused.Method+" is not for a user's token", users)
		}
	}
	return nil
}

// explainGroup is explain for calls with the ID of a community, which is the
// value of a field. If the ID may be wrong, explainGroup looks up the token's
// own community.
func explainGroup(ctx context.Context, c *Client, err error, field string, group int64) *ConfigError {
	if wrong := explain(err); wrong != nil {
		return wrong
	}
	var refused *Error
	if !errors.As(err, &refused) {
		return nil
	}
	switch refused.Code {
	case CodeParam:
		if !strings.Contains(refused.Message, "group_id") {
			return nil
		}
	case CodeParamGroupID, CodeUnknownGroup, CodeAccess, CodePermission, CodeGroupAccess:
	default:
		return nil
	}
	own, askErr := c.ownGroup(ctx)
	switch {
	case askErr != nil, own == group:
		return nil
	case own != 0:
		wrong := misuse(field, fmt.Sprintf("is %d, and the token belongs to community %d", group, own), "leave it 0, or use the other community's token")
		wrong.Err = err
		return wrong
	}
	return &ConfigError{
		Field: field,
		Text:  fmt.Sprintf("the token may not act for community %d, or there is no such community", group),
		Mend:  "set " + field + " to a community that the token's user administers, or use that community's token",
		Err:   err,
	}
}

// noCommunity returns the error for a token that belongs to no community. The
// field could set one.
func noCommunity(field string) *ConfigError {
	return &ConfigError{
		Field: field,
		Text:  "the token belongs to no community, like a user's token",
		Mend:  "use a community's token, made under " + atTokens + ", or set " + field,
	}
}

// checkRights checks the rights of a community's token.
func (d *diagnosis) checkRights(has func(name string, bit int64) bool) {
	const mend = "make a token that has them under " + atTokens
	d.manages = has("manage", 1<<18)
	if !has("messages", 1<<12) {
		f := Finding{
			Problem: ProblemRights, Severity: slog.LevelError, Rights: []string{"messages"}, Mend: mend,
			Text: "the token lacks the right messages: the bot cannot send any",
		}
		if d.known && !slices.ContainsFunc(d.kinds, func(k string) bool { return strings.HasPrefix(k, "message_") }) {
			f.Severity = slog.LevelWarn // the bot may not send messages
		}
		d.add(f)
	}
	d.checkNeeded(has, mend)
	var rights, what []string
	for _, r := range [...]struct {
		name string
		bit  int64
		what string
	}{
		{"photos", 1 << 2, "upload photos"},
		{"docs", 1 << 17, "upload documents and voice messages"},
		{"manage", 1 << 18, "change settings, such as Poller.EnableEvents does"},
	} {
		if !has(r.name, r.bit) && !slices.Contains(d.rights, r.name) {
			rights, what = append(rights, r.name), append(what, r.what)
		}
	}
	if len(rights) > 0 {
		d.add(Finding{
			Problem: ProblemRights, Severity: slog.LevelInfo, Rights: rights, Mend: "if the bot needs to do that, " + mend,
			Text: "the token lacks the right " + strings.Join(rights, ", ") + ": the bot cannot " + strings.Join(what, ", nor "),
		})
	}
}

// rightBits has the rights of a community's token in VK's numbering.
var rightBits = map[string]int64{"stories": 1 << 0, "photos": 1 << 2, "app_widget": 1 << 6, "messages": 1 << 12, "docs": 1 << 17, "manage": 1 << 18}

// checkNeeded checks the rights that the bot's calls need. It does not report
// messages, which checkRights reports.
func (d *diagnosis) checkNeeded(has func(name string, bit int64) bool, mend string) {
	var lacking []string
	for _, name := range d.rights {
		bit, known := rightBits[name]
		switch {
		case !known:
			d.warn(ProblemRights, fmt.Sprintf("the bot needs the right %q, which does not exist", name), "check the spelling")
		case name != "messages" && !has(name, bit) && !slices.Contains(lacking, name):
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		d.add(Finding{
			Problem: ProblemRights, Severity: slog.LevelWarn, Rights: lacking, Mend: mend,
			Text: "the token lacks the right " + strings.Join(lacking, ", ") + ", and the bot makes calls that need it",
		})
	}
}

// findGroup looks up the community that the token belongs to.
func (d *diagnosis) findGroup() bool {
	if d.group != 0 {
		return true
	}
	if d.user {
		d.warn(ProblemToken, "the token is a user's, and belongs to no community: nothing more could be checked", "use a community's token, made under "+atTokens+", or set Poller.GroupID")
		return false
	}
	own, err := d.client.ownGroup(d.ctx)
	if err != nil {
		d.unchecked("the community", err)
		return false
	}
	if own == 0 {
		d.fatal(ProblemToken, "the token belongs to no community", "use a community's token, made under "+atTokens, nil)
		return false
	}
	d.group = own
	return true
}

// checkFeatures checks the bot features that the community allows. VK shows
// them only to the community's administrators.
func (d *diagnosis) checkFeatures() {
	if !d.user {
		return
	}
	var s struct {
		Bots *bool `json:"bots_capabilities"`
		Chat *bool `json:"bots_add_to_chat"`
	}
	if err := d.call("groups.getSettings", Params{"group_id": d.group}, &s); err != nil {
		d.unchecked("the community's bot features", err)
		return
	}
	if s.Bots != nil && !*s.Bots {
		d.warn(ProblemBotsOff, "the community's bot features are off: VK refuses keyboards", "switch them on under "+atBots)
	} else if s.Chat != nil && !*s.Chat {
		d.add(Finding{Problem: ProblemBotsOff, Severity: slog.LevelInfo, Text: "users cannot invite the bot to chats", Mend: "if it is for chats, allow that under " + atBots})
	}
}
