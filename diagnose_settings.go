package vk

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// eventSettings are a community's settings for long poll or for a callback
// server.
type eventSettings struct {
	Version string `json:"api_version"`
	Enabled *bool  `json:"is_enabled"` // for long poll

	// Events maps kinds of events to whether they are enabled. VK does not list
	// all kinds.
	Events map[string]bool `json:"events"`
}

// off returns the kinds that VK lists as disabled.
func (s *eventSettings) off(kinds []string) (off []string) {
	for _, k := range kinds {
		if on, told := s.Events[k]; told && !on {
			off = append(off, k)
		}
	}
	return off
}

// missing returns the kinds that VK does not list as enabled and that can be
// enabled.
func (s *eventSettings) missing(kinds []string) (missing []string) {
	for _, k := range kinds {
		if !s.Events[k] && hasSwitch(k) {
			missing = append(missing, k)
		}
	}
	return missing
}

func (s *eventSettings) isOff() bool { return s.Enabled != nil && !*s.Enabled }

// checkLongPoll checks the settings of long poll, which is enabled. A disabled
// kind is a minor finding if a callback server receives it.
func (d *diagnosis) checkLongPoll(s *eventSettings, elsewhere func(kind string) bool) {
	d.checkEventVersion(s.Version, "events come", atLongPoll, true)
	const mend = "switch them on under " + atLongPoll + ", Event types, or set Poller.EnableEvents"
	var off, brought []string
	for _, k := range s.off(d.kinds) {
		if elsewhere != nil && elsewhere(k) {
			brought = append(brought, k)
		} else {
			off = append(off, k)
		}
	}
	d.eventsOff(off, "by long poll", mend)
	d.checkNames(func(kind string) bool { _, told := s.Events[kind]; return told })
	if len(brought) > 0 {
		d.add(Finding{Problem: ProblemEventsOff, Severity: slog.LevelInfo, Kinds: brought, Mend: "to receive them by long poll, " + mend,
			Text: "VK sends these events, which have handlers, only to a callback server: " + strings.Join(brought, ", ")})
	}
	if d.given && !d.known && len(s.Events) > 0 && !slices.Contains(values(s.Events), true) {
		d.warn(ProblemEventsOff, "VK sends no events by long poll: all kinds are off", "switch on those that the bot wants under "+atLongPoll+", Event types")
	}
}

// checkNames looks for kinds of events that neither this package nor VK knows.
func (d *diagnosis) checkNames(told func(kind string) bool) {
	var strange []string
	for _, k := range d.kinds {
		if kindTypes[k] == nil && k != EventConfirmation && !told(k) {
			strange = append(strange, k)
		}
	}
	if len(strange) > 0 {
		d.add(Finding{Problem: ProblemUnknownKind, Severity: slog.LevelWarn, Kinds: strange, Mend: "check the spelling",
			Text: "there are handlers for events that VK does not seem to support: " + strings.Join(strange, ", ")})
	}
}

func values(m map[string]bool) (v []bool) {
	for _, on := range m {
		v = append(v, on)
	}
	return v
}

// eventsOff adds a finding for disabled kinds that have handlers. A bot does
// not work without messages.
func (d *diagnosis) eventsOff(kinds []string, how, mend string) {
	if len(kinds) == 0 {
		return
	}
	f := Finding{Problem: ProblemEventsOff, Severity: slog.LevelWarn, Kinds: kinds, Mend: mend,
		Text: "VK does not send these events " + how + ", although they have handlers: " + strings.Join(kinds, ", ")}
	if slices.Contains(kinds, string(EventMessageNew)) {
		f.Severity = slog.LevelError
	}
	d.add(f)
}

// readLongPoll reads the settings of long poll. It returns nil if the call
// fails.
func (d *diagnosis) readLongPoll() *eventSettings {
	var s eventSettings
	if err := d.call("groups.getLongPollSettings", Params{"group_id": d.group}, &s); err != nil {
		d.unchecked("the settings of long poll", err)
		return nil
	}
	return &s
}

// maxServersRead limits the number of callback servers whose settings are read.
// VK allows a community the same number.
const maxServersRead = 10

// A workingServer is a callback server that receives events.
type workingServer struct {
	callbackServer
	eventSettings
	told bool // the settings are known
}

// checkSources checks long poll and the callback servers, which deliver the
// events.
func (d *diagnosis) checkSources() {
	longPoll := d.readLongPoll()
	servers, asked := d.checkServers()
	brings := func(kind string) bool {
		return slices.ContainsFunc(servers, func(s workingServer) bool { return s.Events[kind] })
	}
	switch {
	case longPoll == nil:
	case !longPoll.isOff():
		d.checkLongPoll(longPoll, brings)
	case !asked:
		d.warn(ProblemLongPollOff, "long poll is switched off, and whether there are callback servers could not be checked", "switch it on under "+atLongPoll+", or set Poller.EnableEvents")
	case len(servers) == 0:
		d.fatal(ProblemLongPollOff, "VK sends events nowhere: long poll is switched off, and no callback server works", "switch it on under "+atLongPoll+", or set Poller.EnableEvents", nil)
	default:
		d.checkCallbacks(servers, brings)
	}
}

// checkCallbacks checks the settings of the callback servers when long poll is
// disabled. Some servers may belong to other programs.
func (d *diagnosis) checkCallbacks(servers []workingServer, brings func(kind string) bool) {
	for _, s := range servers {
		d.checkEventVersion(s.Version, s.String()+" receives events", atCallback, len(servers) == 1)
	}
	if slices.ContainsFunc(servers, func(s workingServer) bool { return !s.told }) {
		return // it may receive the events that the others do not
	}
	told := func(kind string) bool {
		return slices.ContainsFunc(servers, func(s workingServer) bool { _, told := s.Events[kind]; return told })
	}
	var off []string
	for _, k := range d.kinds {
		if told(k) && !brings(k) {
			off = append(off, k)
		}
	}
	d.checkNames(told)
	how := "to the callback server"
	if len(servers) > 1 {
		how = "to any callback server"
	}
	d.eventsOff(off, how, "switch them on under "+atCallback+", Event types")
}

// checkEventVersion checks the API version of the events; only reports whether
// there are no events in another version.
func (d *diagnosis) checkEventVersion(version, what, at string, only bool) {
	mend := "choose 5.199 under " + at
	switch v := apiVersion(version); {
	case v == 0:
	case v < versionDead:
		text := fmt.Sprintf("%s in version %s of the API, which VK has switched off", what, version)
		if only {
			d.fatal(ProblemVersion, text, mend, nil)
		} else {
			d.warn(ProblemVersion, text, mend)
		}
	case v < versionClients:
		d.warn(ProblemVersion, fmt.Sprintf("%s in version %s of the API, in which events lack the capabilities of users' apps", what, version), mend)
	}
}

// checkServers checks the callback servers and returns those that work. asked
// is false if they could not be listed, for example because the token may not
// manage the community.
func (d *diagnosis) checkServers() (working []workingServer, asked bool) {
	if !d.manages {
		return nil, false
	}
	all, err := callbackServers(d.ctx, d.client, d.group, 0)
	if err != nil {
		d.unchecked("the callback servers", err)
		return nil, false
	}
	for _, server := range all {
		if server.Status != "ok" {
			d.warn(ProblemCallback, fmt.Sprintf("%v receives no events: its status is %q", server, server.Status), "check its answers under "+atCallback+", and confirm it")
			continue
		}
		s := workingServer{callbackServer: server}
		if len(working) < maxServersRead {
			err := d.call("groups.getCallbackSettings", Params{"group_id": d.group, "server_id": server.ID}, &s.eventSettings)
			if s.told = err == nil; err != nil {
				d.unchecked("the settings of "+server.String(), err)
			}
		}
		working = append(working, s)
	}
	return working, true
}

// examine diagnoses the bot in the background, for long poll alone, and logs
// the findings. The goroutine ends by itself once VK has answered; stop cancels
// it and waits for it.
func (f *follower) examine(ctx context.Context) (stop func()) {
	if f.SkipDiagnosis || ctx.Err() != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		returned := false
		defer func() {
			if v := recover(); v != nil { // a panic in the user's HTTP client, for instance
				f.log.LogAttrs(ctx, slog.LevelError, "vk: diagnosis failed", failure(caught(v))...)
			} else if !returned {
				f.log.LogAttrs(ctx, slog.LevelError, "vk: diagnosis failed", failure(errExit)...)
			}
		}()
		defer func() { returned = returned || ctx.Err() != nil }()
		d := newDiagnosis(ctx, f.Client, f.d.Handler, f.Kinds...)
		d.group = f.group
		if d.checkVersion() && d.checkToken() {
			if s := d.readLongPoll(); s != nil && !s.isOff() {
				d.checkLongPoll(s, nil)
			}
			d.checkFeatures()
		}
		if ctx.Err() != nil {
			return // the only finding would be that ctx has ended
		}
		for _, found := range d.sorted() {
			attrs := []slog.Attr{slog.Int64("group", f.group), slog.String("problem", string(found.Problem)), slog.String("finding", found.Text)}
			if found.Mend != "" {
				attrs = append(attrs, slog.String("mend", found.Mend))
			}
			f.log.LogAttrs(ctx, found.Severity, "vk: diagnosis", attrs...)
		}
		returned = true
	}()
	return func() {
		cancel()
		<-ended
	}
}
