package vk

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Kind names a kind of event and ties it to the type of its object, so that
// a listener of the wrong type does not compile. See [On].
type Kind[T any] string

// The kinds of events. A kind that VK adds arrives as well, and is listened to
// by its name; so any kind can be, with the object as VK sent it:
//
//	vk.On(r, vk.Kind[json.RawMessage]("like_add"), …)
//
// See https://dev.vk.com/ru/api/community-events/json-schema for VK's list.
const (
	EventMessageNew         Kind[MessageNew]      = "message_new"            // somebody wrote to the community
	EventMessageReply       Kind[Message]         = "message_reply"          // the community wrote
	EventMessageEdit        Kind[Message]         = "message_edit"           // a message was changed
	EventMessageEvent       Kind[MessageEvent]    = "message_event"          // a callback button was pressed
	EventMessageAllow       Kind[MessageAllow]    = "message_allow"          // a person allows the community to write
	EventMessageDeny        Kind[MessageDeny]     = "message_deny"           // a person no longer allows it
	EventMessageTypingState Kind[MessageTyping]   = "message_typing_state"   // somebody is typing
	EventMessageRead        Kind[MessageRead]     = "message_read"           // somebody has read the community's messages
	EventMessageReaction    Kind[MessageReaction] = "message_reaction_event" // somebody reacted to a message, or no longer does

	EventGroupJoin           Kind[GroupJoin]        = "group_join"            // somebody joined the community
	EventGroupLeave          Kind[GroupLeave]       = "group_leave"           // somebody left or was removed
	EventUserBlock           Kind[UserBlock]        = "user_block"            // somebody was banned
	EventUserUnblock         Kind[UserUnblock]      = "user_unblock"          // somebody is no longer banned
	EventGroupOfficersEdit   Kind[OfficersEdit]     = "group_officers_edit"   // somebody got other rights
	EventGroupChangeSettings Kind[SettingsChange]   = "group_change_settings" // the community was changed
	EventGroupChangePhoto    Kind[GroupPhotoChange] = "group_change_photo"    // the community has a new picture

	EventWallPostNew            Kind[Post]               = "wall_post_new" // a post was published or suggested
	EventWallRepost             Kind[Post]               = "wall_repost"   // somebody reposted a post
	EventWallReplyNew           Kind[WallComment]        = "wall_reply_new"
	EventWallReplyEdit          Kind[WallComment]        = "wall_reply_edit"
	EventWallReplyRestore       Kind[WallComment]        = "wall_reply_restore"
	EventWallReplyDelete        Kind[DeletedWallComment] = "wall_reply_delete"
	EventWallSchedulePostNew    Kind[ScheduledPost]      = "wall_schedule_post_new"    // a post is to be published later
	EventWallSchedulePostDelete Kind[ScheduledPost]      = "wall_schedule_post_delete" // such a post was deleted or put off
	EventLikeAdd                Kind[Like]               = "like_add"
	EventLikeRemove             Kind[Like]               = "like_remove"
	EventPollVoteNew            Kind[PollVote]           = "poll_vote_new" // somebody voted in a poll that is not anonymous

	EventPhotoNew            Kind[Photo]               = "photo_new"
	EventPhotoCommentNew     Kind[PhotoComment]        = "photo_comment_new"
	EventPhotoCommentEdit    Kind[PhotoComment]        = "photo_comment_edit"
	EventPhotoCommentRestore Kind[PhotoComment]        = "photo_comment_restore"
	EventPhotoCommentDelete  Kind[DeletedPhotoComment] = "photo_comment_delete"
	EventAudioNew            Kind[Audio]               = "audio_new"
	EventVideoNew            Kind[Video]               = "video_new"
	EventVideoCommentNew     Kind[VideoComment]        = "video_comment_new"
	EventVideoCommentEdit    Kind[VideoComment]        = "video_comment_edit"
	EventVideoCommentRestore Kind[VideoComment]        = "video_comment_restore"
	EventVideoCommentDelete  Kind[DeletedVideoComment] = "video_comment_delete"

	EventBoardPostNew     Kind[BoardComment]        = "board_post_new" // somebody wrote in a topic
	EventBoardPostEdit    Kind[BoardComment]        = "board_post_edit"
	EventBoardPostRestore Kind[BoardComment]        = "board_post_restore"
	EventBoardPostDelete  Kind[DeletedBoardComment] = "board_post_delete"

	EventMarketCommentNew     Kind[MarketComment]        = "market_comment_new"
	EventMarketCommentEdit    Kind[MarketComment]        = "market_comment_edit"
	EventMarketCommentRestore Kind[MarketComment]        = "market_comment_restore"
	EventMarketCommentDelete  Kind[DeletedMarketComment] = "market_comment_delete"
	EventMarketOrderNew       Kind[Order]                = "market_order_new"
	EventMarketOrderEdit      Kind[Order]                = "market_order_edit"

	EventVKPayTransaction              Kind[Payment]           = "vkpay_transaction" // somebody paid by VK Pay
	EventAppPayload                    Kind[AppPayload]        = "app_payload"       // a mini app passed something on
	EventLeadFormsNew                  Kind[Lead]              = "lead_forms_new"    // somebody filled in a form
	EventDonutSubscriptionCreate       Kind[Donation]          = "donut_subscription_create"
	EventDonutSubscriptionProlonged    Kind[Donation]          = "donut_subscription_prolonged"
	EventDonutSubscriptionExpired      Kind[DonationEnd]       = "donut_subscription_expired"
	EventDonutSubscriptionCancelled    Kind[DonationEnd]       = "donut_subscription_cancelled"
	EventDonutSubscriptionPriceChanged Kind[DonationChange]    = "donut_subscription_price_changed"
	EventDonutMoneyWithdraw            Kind[Withdrawal]        = "donut_money_withdraw"
	EventDonutMoneyWithdrawError       Kind[WithdrawalFailure] = "donut_money_withdraw_error"
)

// The derived kinds: what some messages come to besides being a message. Such an
// event is of its kind, message_new, as well, and is heard by the listeners of
// both. An action that VK adds is listened to by its name:
//
//	vk.On(r, vk.Kind[vk.MessageNew]("message_new.chat_dance"), …)
const (
	EventStart Kind[MessageNew] = "message_new.start" // somebody pressed Start, before their first message

	EventChatCreate             Kind[MessageNew] = "message_new.chat_create"       // a chat was made; Text is its title
	EventChatTitleUpdate        Kind[MessageNew] = "message_new.chat_title_update" // Text is the new title
	EventChatPhotoUpdate        Kind[MessageNew] = "message_new.chat_photo_update" // Photo is the new picture
	EventChatPhotoRemove        Kind[MessageNew] = "message_new.chat_photo_remove"
	EventChatInviteUser         Kind[MessageNew] = "message_new.chat_invite_user" // MemberID came back or was brought in: minus the community's id if the bot was
	EventChatInviteUserByLink   Kind[MessageNew] = "message_new.chat_invite_user_by_link"
	EventChatInviteUserByAsking Kind[MessageNew] = "message_new.chat_invite_user_by_message_request"
	EventChatInviteUserByCall   Kind[MessageNew] = "message_new.chat_invite_user_by_call"
	EventChatJoinByCallLink     Kind[MessageNew] = "message_new.chat_invite_user_by_call_join_link"
	EventChatKickUser           Kind[MessageNew] = "message_new.chat_kick_user" // MemberID left or was removed
	EventChatKickDon            Kind[MessageNew] = "message_new.chat_kick_don"  // MemberID is no longer a subscriber
	EventChatPinMessage         Kind[MessageNew] = "message_new.chat_pin_message"
	EventChatUnpinMessage       Kind[MessageNew] = "message_new.chat_unpin_message"
	EventChatScreenshot         Kind[MessageNew] = "message_new.chat_screenshot"
	EventChatCallStarted        Kind[MessageNew] = "message_new.chat_group_call_started"
	EventChatStyleUpdate        Kind[MessageNew] = "message_new.conversation_style_update" // Style is the new look
)

// rawKind returns the kind of events that a derived kind is derived of, and any
// other kind as it is.
func rawKind(kind string) string {
	raw, _, _ := strings.Cut(kind, ".")
	return raw
}

// EventConfirmation is what VK asks a webhook for before it sends events. It
// is a name only: no listener hears it.
const EventConfirmation string = "confirmation"

// kindTypes is the table of kinds: the type that each name is tied to.
var kindTypes = tieKinds()

// tie enters kinds into the table.
func tie[T any](table map[string]reflect.Type, kinds ...Kind[T]) {
	for _, k := range kinds {
		table[string(k)] = reflect.TypeFor[T]()
	}
}

// fits reports whether a listener for the kind may have a type. Of every kind it
// may be json.RawMessage: the object as VK sent it.
func fits(kind string, t reflect.Type) bool {
	want, ok := kindTypes[kind]
	return !ok || t == want || t == reflect.TypeFor[json.RawMessage]()
}

func tieKinds() map[string]reflect.Type {
	t := make(map[string]reflect.Type, 80)
	tie(t, EventMessageNew,
		EventStart, EventChatCreate, EventChatTitleUpdate, EventChatPhotoUpdate, EventChatPhotoRemove,
		EventChatInviteUser, EventChatInviteUserByLink, EventChatInviteUserByAsking, EventChatInviteUserByCall,
		EventChatJoinByCallLink, EventChatKickUser, EventChatKickDon, EventChatPinMessage, EventChatUnpinMessage,
		EventChatScreenshot, EventChatCallStarted, EventChatStyleUpdate)
	tie(t, EventMessageReply, EventMessageEdit)
	tie(t, EventMessageEvent)
	tie(t, EventMessageAllow)
	tie(t, EventMessageDeny)
	tie(t, EventMessageTypingState)
	tie(t, EventMessageRead)
	tie(t, EventMessageReaction)
	tie(t, EventGroupJoin)
	tie(t, EventGroupLeave)
	tie(t, EventUserBlock)
	tie(t, EventUserUnblock)
	tie(t, EventGroupOfficersEdit)
	tie(t, EventGroupChangeSettings)
	tie(t, EventGroupChangePhoto)
	tie(t, EventWallPostNew, EventWallRepost)
	tie(t, EventWallReplyNew, EventWallReplyEdit, EventWallReplyRestore)
	tie(t, EventWallReplyDelete)
	tie(t, EventWallSchedulePostNew, EventWallSchedulePostDelete)
	tie(t, EventLikeAdd, EventLikeRemove)
	tie(t, EventPollVoteNew)
	tie(t, EventPhotoNew)
	tie(t, EventPhotoCommentNew, EventPhotoCommentEdit, EventPhotoCommentRestore)
	tie(t, EventPhotoCommentDelete)
	tie(t, EventAudioNew)
	tie(t, EventVideoNew)
	tie(t, EventVideoCommentNew, EventVideoCommentEdit, EventVideoCommentRestore)
	tie(t, EventVideoCommentDelete)
	tie(t, EventBoardPostNew, EventBoardPostEdit, EventBoardPostRestore)
	tie(t, EventBoardPostDelete)
	tie(t, EventMarketCommentNew, EventMarketCommentEdit, EventMarketCommentRestore)
	tie(t, EventMarketCommentDelete)
	tie(t, EventMarketOrderNew, EventMarketOrderEdit)
	tie(t, EventVKPayTransaction)
	tie(t, EventAppPayload)
	tie(t, EventLeadFormsNew)
	tie(t, EventDonutSubscriptionCreate, EventDonutSubscriptionProlonged)
	tie(t, EventDonutSubscriptionExpired, EventDonutSubscriptionCancelled)
	tie(t, EventDonutSubscriptionPriceChanged)
	tie(t, EventDonutMoneyWithdraw)
	tie(t, EventDonutMoneyWithdrawError)
	return t
}

// A GroupJoin is the object of a group_join event.
type GroupJoin struct {
	UserID int64  `json:"user_id"`
	How    string `json:"join_type"` // "join", "unsure", "accepted", "approved" or "request"
}

// A GroupLeave is the object of a group_leave event.
type GroupLeave struct {
	UserID int64 `json:"user_id"`
	Self   bool  `json:"self"` // whether of their own will
}

// A UserBlock is the object of a user_block event: somebody was banned.
type UserBlock struct {
	AdminID int64     `json:"admin_id"` // who did it
	UserID  int64     `json:"user_id"`
	Until   time.Time `json:"unblock_date"` // zero for ever
	Reason  int       `json:"reason"`       // 0 other, 1 spam, 2 insults, 3 bad language, 4 off topic
	Comment string    `json:"comment"`
}

// A UserUnblock is the object of a user_unblock event.
type UserUnblock struct {
	AdminID int64 `json:"admin_id"` // who did it
	UserID  int64 `json:"user_id"`
	Expired bool  `json:"by_end_date"` // whether because the time was over
}

// An OfficersEdit is the object of a group_officers_edit event: somebody got
// other rights. Levels are 0 for none, 1 for a moderator, 2 for an editor and 3
// for an administrator.
type OfficersEdit struct {
	AdminID int64 `json:"admin_id"` // who did it
	UserID  int64 `json:"user_id"`
	Old     int   `json:"level_old"`
	New     int   `json:"level_new"`
}

// A SettingsChange is the object of a group_change_settings event.
type SettingsChange struct {
	UserID int64 `json:"user_id"` // who did it

	// Changes are what has changed, by VK's names: "title", "access",
	// "screen_name" and so on.
	Changes map[string]Changed `json:"changes"`
}

// A Changed is the value of a setting before and after. Numbers are written
// out.
type Changed struct {
	Old string `json:"old_value"`
	New string `json:"new_value"`
}

// A GroupPhotoChange is the object of a group_change_photo event.
type GroupPhotoChange struct {
	UserID int64  `json:"user_id"` // who did it
	Photo  *Photo `json:"photo"`
}

// A Like is the object of like_add and like_remove events.
type Like struct {
	UserID  int64  `json:"liker_id"`    // who
	Type    string `json:"object_type"` // what: "post", "comment", "photo", "video", "market", "topic_comment", "photo_comment" and so on
	OwnerID int64  `json:"object_owner_id"`
	ID      int64  `json:"object_id"`
	PostID  int64  `json:"post_id"`         // of a comment: the post that it is below
	ReplyID int64  `json:"thread_reply_id"` // of a comment below another: that one
}

// A ScheduledPost is the object of wall_schedule_post_new and
// wall_schedule_post_delete events. A post that is put off to another time is
// both.
type ScheduledPost struct {
	ID   int64     `json:"id"`
	Time time.Time `json:"schedule_time"` // when it is to be published
}

// A PollVote is the object of a poll_vote_new event, which there is for polls
// that are not anonymous. Of several answers, VK tells one.
type PollVote struct {
	OwnerID  int64 `json:"owner_id"`
	PollID   int64 `json:"poll_id"`
	OptionID int64 `json:"option_id"`
	UserID   int64 `json:"user_id"` // who voted
}

// A Payment is the object of a vkpay_transaction event: somebody paid the
// community.
type Payment struct {
	FromID      int64     `json:"from_id"`
	Amount      int64     `json:"amount"` // in thousandths of a rouble
	Description string    `json:"description"`
	Payload     string    `json:"payload"`
	Date        time.Time `json:"date"`
}

// An AppPayload is the object of an app_payload event: what a mini app passed
// on.
type AppPayload struct {
	UserID  int64  `json:"user_id"`
	AppID   int64  `json:"app_id"`
	GroupID int64  `json:"group_id"`
	Payload string `json:"payload"` // as the app wrote it, mostly JSON
}

// A Donation is the object of donut_subscription_create and
// donut_subscription_prolonged events. Amounts are in roubles.
type Donation struct {
	UserID int64   `json:"user_id"`
	Amount float64 `json:"amount"`
	Net    float64 `json:"amount_without_fee"` // what the community gets of it
}

// A DonationEnd is the object of donut_subscription_expired and
// donut_subscription_cancelled events.
type DonationEnd struct {
	UserID int64 `json:"user_id"`
}

// A DonationChange is the object of a donut_subscription_price_changed event.
// Amounts are in roubles.
type DonationChange struct {
	UserID  int64   `json:"user_id"`
	Old     float64 `json:"amount_old"`
	New     float64 `json:"amount_new"`
	Diff    float64 `json:"amount_diff"`             // what was paid in addition
	DiffNet float64 `json:"amount_diff_without_fee"` // what the community gets of that
}

// A Withdrawal is the object of a donut_money_withdraw event: the community got
// its money. Amounts are in roubles.
type Withdrawal struct {
	Amount float64 `json:"amount"`
	Net    float64 `json:"amount_without_fee"`
}

// A WithdrawalFailure is the object of a donut_money_withdraw_error event: the
// community did not get its money. It is no error of Go's.
type WithdrawalFailure struct {
	Reason string `json:"reason"` // for people
}

// A Lead is the object of a lead_forms_new event: somebody filled in a form.
type Lead struct {
	ID       int64        `json:"lead_id"`
	GroupID  int64        `json:"group_id"`
	UserID   int64        `json:"user_id"`
	FormID   int64        `json:"form_id"`
	FormName string       `json:"form_name"`
	AdID     int64        `json:"ad_id"`
	Answers  []LeadAnswer `json:"answers"`
}

// A LeadAnswer is what somebody wrote into a form.
type LeadAnswer struct {
	Key      string `json:"key"` // VK's name of the question: "first_name", "phone_number", "custom_0"
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// A MessageNew is the object of a message_new event.
type MessageNew struct {
	Message    Message    `json:"message"`
	ClientInfo ClientInfo `json:"client_info"`
}

// A MessageEvent is the object of a message_event event: somebody pressed a
// callback button.
type MessageEvent struct {
	UserID  int64           `json:"user_id"`                 // who pressed
	PeerID  int64           `json:"peer_id"`                 // in which conversation
	EventID string          `json:"event_id"`                // what an answer names; valid for a minute
	Payload json.RawMessage `json:"payload"`                 // the button's payload
	CMID    int64           `json:"conversation_message_id"` // the message with the button; 0 for the keyboard below the input field
}

// A MessageAllow is the object of a message_allow event.
type MessageAllow struct {
	UserID int64  `json:"user_id"`
	Key    string `json:"key"` // what the page passed on with the permission
}

// A MessageDeny is the object of a message_deny event.
type MessageDeny struct {
	UserID int64 `json:"user_id"`
}

// A MessageTyping is the object of a message_typing_state event.
type MessageTyping struct {
	FromID int64  `json:"from_id"` // who
	ToID   int64  `json:"to_id"`   // to whom: minus the community's id
	State  string `json:"state"`   // "typing", or "audiomessage" while recording
}

// A MessageRead is the object of a message_read event: somebody has read the
// community's messages, up to one.
type MessageRead struct {
	FromID    int64 `json:"from_id"` // who
	PeerID    int64 `json:"peer_id"` // in which conversation
	MessageID int64 `json:"read_message_id"`
	CMID      int64 `json:"conversation_message_id"` // the last message read
}

// A MessageReaction is the object of a message_reaction_event event: somebody
// reacted to a message, or took a reaction back.
type MessageReaction struct {
	UserID     int64 `json:"reacted_id"` // who
	PeerID     int64 `json:"peer_id"`    // in which conversation
	CMID       int64 `json:"cmid"`       // to which message
	ReactionID int   `json:"reaction_id"`
}

// switchable returns the kinds of events that VK sends only if they are switched
// on, as far as this package knows them.
//
// See https://dev.vk.com/ru/method/groups.setCallbackSettings.
func switchable() []string {
	var names []string
	for name := range kindTypes {
		if hasSwitch(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hasSwitch reports whether a kind of events can be switched on and off, as
// all can that are not known. A confirmation, and what comes of payments and mini
// apps, is always sent; a derived kind is sent as what it is derived of.
func hasSwitch(kind string) bool {
	switch kind {
	case EventConfirmation, string(EventVKPayTransaction), string(EventAppPayload):
		return false
	}
	return !strings.Contains(kind, ".")
}
