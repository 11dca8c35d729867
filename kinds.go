package vk

import (
	"encoding/json"
	"reflect"
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
