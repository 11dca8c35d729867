package vk

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Kind names a kind of event and binds it to the type of its object, so that
// a listener for the wrong type does not compile. See [On].
type Kind[T any] string

// The kinds of events. Kinds that VK adds later also arrive; listen to them by
// name. Any kind can be listened to in this way, with the object as VK sent it:
//
//	vk.On(r, vk.Kind[json.RawMessage]("like_add"), …)
//
// See https://dev.vk.com/ru/api/community-events/json-schema for VK's list.
const (
	EventMessageNew         Kind[MessageNew]      = "message_new"            // a user wrote to the community
	EventMessageReply       Kind[Message]         = "message_reply"          // the community wrote
	EventMessageEdit        Kind[Message]         = "message_edit"           // a message was changed
	EventMessageEvent       Kind[MessageEvent]    = "message_event"          // a callback button was pressed
	EventMessageAllow       Kind[MessageAllow]    = "message_allow"          // a user allowed the community to write
	EventMessageDeny        Kind[MessageDeny]     = "message_deny"           // a user withdrew that permission
	EventMessageTypingState Kind[MessageTyping]   = "message_typing_state"   // a user is typing
	EventMessageRead        Kind[MessageRead]     = "message_read"           // a user has read the community's messages
	EventMessageReaction    Kind[MessageReaction] = "message_reaction_event" // a user reacted to a message, or removed the reaction

	EventGroupJoin           Kind[GroupJoin]        = "group_join"            // a user joined the community
	EventGroupLeave          Kind[GroupLeave]       = "group_leave"           // a user left or was removed
	EventUserBlock           Kind[UserBlock]        = "user_block"            // a user was banned
	EventUserUnblock         Kind[UserUnblock]      = "user_unblock"          // a user is no longer banned
	EventGroupOfficersEdit   Kind[OfficersEdit]     = "group_officers_edit"   // a user's rights in the community were changed
	EventGroupChangeSettings Kind[SettingsChange]   = "group_change_settings" // the community's settings were changed
	EventGroupChangePhoto    Kind[GroupPhotoChange] = "group_change_photo"    // the community has a new picture

	EventWallPostNew            Kind[Post]               = "wall_post_new" // a post was published or suggested
	EventWallRepost             Kind[Post]               = "wall_repost"   // a user reposted a post
	EventWallReplyNew           Kind[WallComment]        = "wall_reply_new"
	EventWallReplyEdit          Kind[WallComment]        = "wall_reply_edit"
	EventWallReplyRestore       Kind[WallComment]        = "wall_reply_restore"
	EventWallReplyDelete        Kind[DeletedWallComment] = "wall_reply_delete"
	EventWallSchedulePostNew    Kind[ScheduledPost]      = "wall_schedule_post_new"    // a post was scheduled
	EventWallSchedulePostDelete Kind[ScheduledPost]      = "wall_schedule_post_delete" // a scheduled post was deleted or rescheduled
	EventLikeAdd                Kind[Like]               = "like_add"
	EventLikeRemove             Kind[Like]               = "like_remove"
	EventPollVoteNew            Kind[PollVote]           = "poll_vote_new" // a user voted in a poll that is not anonymous

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

	EventBoardPostNew     Kind[BoardComment]        = "board_post_new" // a user wrote in a discussion topic
	EventBoardPostEdit    Kind[BoardComment]        = "board_post_edit"
	EventBoardPostRestore Kind[BoardComment]        = "board_post_restore"
	EventBoardPostDelete  Kind[DeletedBoardComment] = "board_post_delete"

	EventMarketCommentNew     Kind[MarketComment]        = "market_comment_new"
	EventMarketCommentEdit    Kind[MarketComment]        = "market_comment_edit"
	EventMarketCommentRestore Kind[MarketComment]        = "market_comment_restore"
	EventMarketCommentDelete  Kind[DeletedMarketComment] = "market_comment_delete"
	EventMarketOrderNew       Kind[Order]                = "market_order_new"
	EventMarketOrderEdit      Kind[Order]                = "market_order_edit"

	EventVKPayTransaction              Kind[Payment]           = "vkpay_transaction" // a user paid by VK Pay
	EventAppPayload                    Kind[AppPayload]        = "app_payload"       // a mini app sent a payload
	EventLeadFormsNew                  Kind[Lead]              = "lead_forms_new"    // a user filled in a form
	EventDonutSubscriptionCreate       Kind[Donation]          = "donut_subscription_create"
	EventDonutSubscriptionProlonged    Kind[Donation]          = "donut_subscription_prolonged"
	EventDonutSubscriptionExpired      Kind[DonationEnd]       = "donut_subscription_expired"
	EventDonutSubscriptionCancelled    Kind[DonationEnd]       = "donut_subscription_cancelled"
	EventDonutSubscriptionPriceChanged Kind[DonationChange]    = "donut_subscription_price_changed"
	EventDonutMoneyWithdraw            Kind[Withdrawal]        = "donut_money_withdraw"
	EventDonutMoneyWithdrawError       Kind[WithdrawalFailure] = "donut_money_withdraw_error"
)

// The derived kinds of some messages. Such an event also is of the kind
// message_new, and is dispatched to the listeners of both kinds. Listen to
// actions that VK adds later by name:
//
//	vk.On(r, vk.Kind[vk.MessageNew]("message_new.chat_dance"), …)
const (
	EventStart Kind[MessageNew] = "message_new.start" // a user pressed Start, before their first message

	EventChatCreate             Kind[MessageNew] = "message_new.chat_create"       // a chat was created; Text is its title
	EventChatTitleUpdate        Kind[MessageNew] = "message_new.chat_title_update" // Text is the new title
	EventChatPhotoUpdate        Kind[MessageNew] = "message_new.chat_photo_update" // Photo is the new picture
	EventChatPhotoRemove        Kind[MessageNew] = "message_new.chat_photo_remove"
	EventChatInviteUser         Kind[MessageNew] = "message_new.chat_invite_user" // MemberID returned or was invited: minus the community's id for the bot
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

// rawKind returns the kind from which a derived kind is derived, and any other
// kind unchanged.
func rawKind(kind string) string {
	raw, _, _ := strings.Cut(kind, ".")
	return raw
}

// EventConfirmation is the kind of VK's confirmation request to a webhook,
// which precedes all events. It is only a name: listeners never receive it.
const EventConfirmation string = "confirmation"

// kindTypes maps each kind to the type of its object.
var kindTypes = tieKinds()

// tie adds kinds to the table.
func tie[T any](table map[string]reflect.Type, kinds ...Kind[T]) {
	for _, k := range kinds {
		table[string(k)] = reflect.TypeFor[T]()
	}
}

// fits reports whether a listener for the kind may have a type. For every kind,
// json.RawMessage is allowed: the object as VK sent it.
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
	Self   bool  `json:"self"` // whether the user left by themselves
}

// A UserBlock is the object of a user_block event: a user was banned.
type UserBlock struct {
	AdminID int64     `json:"admin_id"` // the acting manager
	UserID  int64     `json:"user_id"`
	Until   time.Time `json:"unblock_date"` // zero if the ban has no end
	Reason  int       `json:"reason"`       // 0 other, 1 spam, 2 insults, 3 bad language, 4 off topic
	Comment string    `json:"comment"`
}

// A UserUnblock is the object of a user_unblock event.
type UserUnblock struct {
	AdminID int64 `json:"admin_id"` // the acting manager
	UserID  int64 `json:"user_id"`
	Expired bool  `json:"by_end_date"` // whether the ban expired
}

// An OfficersEdit is the object of a group_officers_edit event: a user's
// rights in the community were changed. Levels are 0 for none, 1 for a
// moderator, 2 for an editor and 3 for an administrator.
type OfficersEdit struct {
	AdminID int64 `json:"admin_id"` // the acting manager
	UserID  int64 `json:"user_id"`
	Old     int   `json:"level_old"`
	New     int   `json:"level_new"`
}

// A SettingsChange is the object of a group_change_settings event.
type SettingsChange struct {
	UserID int64 `json:"user_id"` // the acting manager

	// Changes are the changed settings by VK's names: "title", "access",
	// "screen_name" and so on.
	Changes map[string]Changed `json:"changes"`
}

// A Changed is the value of a setting before and after. Numbers are converted
// to text.
type Changed struct {
	Old string `json:"old_value"`
	New string `json:"new_value"`
}

// A GroupPhotoChange is the object of a group_change_photo event.
type GroupPhotoChange struct {
	UserID int64  `json:"user_id"` // the acting manager
	Photo  *Photo `json:"photo"`
}

// A Like is the object of like_add and like_remove events.
type Like struct {
	UserID  int64  `json:"liker_id"`    // the user
	Type    string `json:"object_type"` // the type of the object: "post", "comment", "photo", "video", "market", "topic_comment", "photo_comment" and so on
	OwnerID int64  `json:"object_owner_id"`
	ID      int64  `json:"object_id"`
	PostID  int64  `json:"post_id"`         // for a comment: the post above it
	ReplyID int64  `json:"thread_reply_id"` // for a comment below another: that other comment
}

// A ScheduledPost is the object of wall_schedule_post_new and
// wall_schedule_post_delete events. A rescheduled post causes both.
type ScheduledPost struct {
	ID   int64     `json:"id"`
	Time time.Time `json:"schedule_time"` // the time of publication
}

// A PollVote is the object of a poll_vote_new event. VK sends the event only
// for polls that are not anonymous. If a user chose several answers, VK reports
// one.
type PollVote struct {
	OwnerID  int64 `json:"owner_id"`
	PollID   int64 `json:"poll_id"`
	OptionID int64 `json:"option_id"`
	UserID   int64 `json:"user_id"` // the voter
}

// A Payment is the object of a vkpay_transaction event: a user paid the
// community.
type Payment struct {
	FromID      int64     `json:"from_id"`
	Amount      int64     `json:"amount"` // in thousandths of a rouble
	Description string    `json:"description"`
	Payload     string    `json:"payload"`
	Date        time.Time `json:"date"`
}

// An AppPayload is the object of an app_payload event: a payload sent by a mini
// app.
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
	Net    float64 `json:"amount_without_fee"` // the part that the community receives
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
	Diff    float64 `json:"amount_diff"`             // the additional payment
	DiffNet float64 `json:"amount_diff_without_fee"` // the part of it that the community receives
}

// A Withdrawal is the object of a donut_money_withdraw event: the community
// received its money. Amounts are in roubles.
type Withdrawal struct {
	Amount float64 `json:"amount"`
	Net    float64 `json:"amount_without_fee"`
}

// A WithdrawalFailure is the object of a donut_money_withdraw_error event: the
// community did not receive its money. It is not a Go error.
type WithdrawalFailure struct {
	Reason string `json:"reason"` // for display
}

// A Lead is the object of a lead_forms_new event: a user filled in a form.
type Lead struct {
	ID       int64        `json:"lead_id"`
	GroupID  int64        `json:"group_id"`
	UserID   int64        `json:"user_id"`
	FormID   int64        `json:"form_id"`
	FormName string       `json:"form_name"`
	AdID     int64        `json:"ad_id"`
	Answers  []LeadAnswer `json:"answers"`
}

// A LeadAnswer is a user's answer in a form.
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

// A MessageEvent is the object of a message_event event: a user pressed a
// callback button.
type MessageEvent struct {
	UserID  int64           `json:"user_id"`                 // the user
	PeerID  int64           `json:"peer_id"`                 // the conversation
	EventID string          `json:"event_id"`                // identifies the press in an answer; valid for a minute
	Payload json.RawMessage `json:"payload"`                 // the button's payload
	CMID    int64           `json:"conversation_message_id"` // the message with the button; 0 for the keyboard below the input field
}

// A MessageAllow is the object of a message_allow event.
type MessageAllow struct {
	UserID int64  `json:"user_id"`
	Key    string `json:"key"` // the key given by the page that asked for the permission
}

// A MessageDeny is the object of a message_deny event.
type MessageDeny struct {
	UserID int64 `json:"user_id"`
}

// A MessageTyping is the object of a message_typing_state event.
type MessageTyping struct {
	FromID int64  `json:"from_id"` // the user
	ToID   int64  `json:"to_id"`   // the recipient: minus the community's id
	State  string `json:"state"`   // "typing", or "audiomessage" while recording
}

// A MessageRead is the object of a message_read event: a user has read the
// community's messages, up to a given one.
type MessageRead struct {
	FromID    int64 `json:"from_id"` // the user
	PeerID    int64 `json:"peer_id"` // the conversation
	MessageID int64 `json:"read_message_id"`
	CMID      int64 `json:"conversation_message_id"` // the last message read
}

// A MessageReaction is the object of a message_reaction_event event: a user
// reacted to a message, or removed the reaction.
type MessageReaction struct {
	UserID     int64 `json:"reacted_id"` // the user
	PeerID     int64 `json:"peer_id"`    // the conversation
	CMID       int64 `json:"cmid"`       // the message
	ReactionID int   `json:"reaction_id"`
}

// switchable returns the kinds of events that VK sends only if they are
// enabled, as far as this package knows them.
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

// hasSwitch reports whether a kind of events can be enabled and disabled. All
// unknown kinds can. A confirmation, and events of payments and mini apps, are
// always sent; a derived kind is sent with the kind that it is derived from.
func hasSwitch(kind string) bool {
	switch kind {
	case EventConfirmation, string(EventVKPayTransaction), string(EventAppPayload):
		return false
	}
	return !strings.Contains(kind, ".")
}
