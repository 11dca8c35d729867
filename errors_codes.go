package vk

import (
	"strconv"
)

// A Code is VK's number for an API error. A Code is itself an error, to be
// matched with errors.Is(err, vk.CodeFlood).
//
// See https://dev.vk.com/ru/reference/errors for VK's descriptions.
type Code int

// Error returns the code as text.
func (c Code) Error() string { return "vk: error " + strconv.Itoa(int(c)) }

// The error codes that a bot can meet, grouped by the methods that return them;
// other methods may return them too. An [Error] has the code that VK sent, and
// errors.Is(err, vk.Code(1170)) needs no constant.
const (
	// From any method.

	CodeUnknown            Code = 1     // an unknown error on VK's side: try again later
	CodeAppDisabled        Code = 2     // the application is disabled
	CodeUnknownMethod      Code = 3     // there is no such method, or not in this version
	CodeSignature          Code = 4     // a wrong signature, for signed calls
	CodeAuth               Code = 5     // the token is wrong, expired or revoked
	CodeTooManyRequests    Code = 6     // more requests per second than the token may make
	CodePermission         Code = 7     // not allowed: in a chat, the bot was removed from it
	CodeRequest            Code = 8     // the request is malformed, or its version too old
	CodeFlood              Code = 9     // too many similar actions: pause for minutes, not seconds
	CodeServer             Code = 10    // an internal error on VK's side
	CodeTestMode           Code = 11    // the application is in test mode, and this is not its admin
	CodeCompile            Code = 12    // execute: the code has a mistake
	CodeRuntime            Code = 13    // execute: the code failed, made over 25 calls or returned too much
	CodeCaptcha            Code = 14    // a user must solve a captcha: see [Client.Captcha]
	CodeAccess             Code = 15    // no access to this object, or the token lacks a scope
	CodeHTTPS              Code = 16    // the call must be made over HTTPS
	CodeValidation         Code = 17    // the owner of the token must open [Error.RedirectURI]
	CodeDeleted            Code = 18    // the page was deleted or banned
	CodeStandaloneOnly     Code = 20    // only for tokens of standalone applications
	CodeOpenAPIOnly        Code = 21    // only for standalone and Open API applications
	CodeMethodDisabled     Code = 23    // the method is disabled
	CodeConfirmation       Code = 24    // a user must agree to [Error.ConfirmationText]; then retry with confirm=1
	CodeTokenConfirmation  Code = 25    // the token must be confirmed
	CodeGroupAuth          Code = 27    // the method is not for a community's token
	CodeAppAuth            Code = 28    // the method is not for a service token
	CodeRateLimit          Code = 29    // the method's quota for the day is used up
	CodePrivateProfile     Code = 30    // the user's page is private
	CodeWait               Code = 32    // too early: try again a little later
	CodeNotImplemented     Code = 33    // not implemented by VK
	CodeClientDeprecated   Code = 34    // the client's version is too old
	CodeClientUpdate       Code = 35    // the client must be updated
	CodeTimeout            Code = 36    // VK took too long and gave up: ask for less
	CodeUserBanned         Code = 37    // the user was banned
	CodeUnknownApp         Code = 38    // there is no such application
	CodeUnknownUser        Code = 39    // there is no such user
	CodeUnknownGroup       Code = 40    // there is no such community
	CodeSignupRequired     Code = 41    // the user must complete their registration
	CodeIPNotAllowed       Code = 42    // the token may not be used from this address
	CodeSectionDisabled    Code = 43    // this part of VK is disabled for now
	CodeParam              Code = 100   // a parameter is missing or wrong
	CodeParamAppID         Code = 101   // a wrong application id
	CodeLimits             Code = 103   // over a limit of VK
	CodeNotFound           Code = 104   // there is no such thing
	CodeActionFailed       Code = 106   // VK could not do it
	CodeParamUserID        Code = 113   // a wrong user id
	CodeParamTimestamp     Code = 150   // a wrong time
	CodeAlbumAccess        Code = 200   // no access to the album
	CodeAudioAccess        Code = 201   // no access to the recording
	CodeGroupAccess        Code = 203   // no access to the community
	CodeAlbumFull          Code = 300   // the album is full
	CodeVotes              Code = 500   // payments by votes are disabled in the application's settings
	CodeAdsPermission      Code = 600   // no access to these advertisements
	CodeAds                Code = 603   // an error of advertisements
	CodeAnonymousExpired   Code = 1114  // an anonymous token has expired
	CodeAnonymousInvalid   Code = 1116  // an anonymous token is wrong
	CodeTokenExpired       Code = 1117  // the token has expired
	CodeAnonymousIP        Code = 1118  // an anonymous token came from another address
	CodeRecaptcha          Code = 3300  // a reCAPTCHA is needed
	CodePhoneValidation    Code = 3301  // the owner of the token must confirm their phone
	CodePasswordValidation Code = 3302  // the owner of the token must give their password
	CodeOTPValidation      Code = 3303  // the owner of the token must give a one-time code
	CodeEmailConfirmation  Code = 3304  // the owner of the token must confirm their mail address
	CodeAssertVotes        Code = 3305  // votes must be confirmed
	CodeTokenExtension     Code = 3609  // the token must be extended
	CodeUserDeactivated    Code = 3610  // the user's page is deactivated
	CodeServiceDeactivated Code = 3611  // the service is deactivated for the user
	CodeHTTPMethod         Code = 9999  // only GET and POST are served
	CodeActionConfirmation Code = 11500 // the action must be confirmed

	// From messages.

	CodeBlacklisted        Code = 900  // the recipient blacklisted the community, or it blacklisted the recipient
	CodeCannotWrite        Code = 901  // this user has not allowed the community to write
	CodePrivacy            Code = 902  // this user's settings do not let the community write
	CodeOldTimestamp       Code = 907  // the ts or pts is too old: request a new one
	CodeNewTimestamp       Code = 908  // the ts or pts is too new: request a new one
	CodeEditExpired        Code = 909  // the message is too old to be changed: 24 hours
	CodeTooBig             Code = 910  // the message is too big
	CodeKeyboard           Code = 911  // the keyboard is wrong
	CodeBotFeature         Code = 912  // needs the bot features, which are disabled in the community's settings
	CodeTooManyForwards    Code = 913  // too many forwarded messages
	CodeTooLong            Code = 914  // the text is too long
	CodeChatAccess         Code = 917  // the bot is not in the chat, or may not do this in it
	CodeInviteLinkAccess   Code = 919  // the bot may not see the chat's invitation link
	CodeEditKind           Code = 920  // this kind of message cannot be changed
	CodeCannotForward      Code = 921  // these messages cannot be forwarded
	CodeLeftChat           Code = 922  // the bot has left the chat
	CodeDeleteForAll       Code = 924  // the message cannot be deleted for everybody: too old, or not the bot's
	CodeNotChatAdmin       Code = 925  // the bot is not an admin of the chat
	CodeNoChat             Code = 927  // there is no such chat
	CodeInviteLinkChange   Code = 931  // the bot may not change the chat's invitation link
	CodeGroupPeer          Code = 932  // the community cannot deal with this peer
	CodeNotInChat          Code = 935  // the user is not in the chat
	CodeNoContact          Code = 936  // there is no such recipient
	CodeRequestSent        Code = 939  // a message request was sent already
	CodeTooManyPosts       Code = 940  // too many posts are attached
	CodePinStory           Code = 942  // a one-time story cannot be pinned
	CodeIntent             Code = 943  // the community may not use this intent
	CodeIntentLimit        Code = 944  // no more messages of this intent to this user for now
	CodeChatDisabled       Code = 945  // the chat is closed
	CodeChatUnsupported    Code = 946  // not in this kind of chat
	CodeMemberAccess       Code = 947  // the user has no access to the community, and so none to its chat
	CodeEditPinned         Code = 949  // a pinned message cannot be changed just yet
	CodeReplyTimedOut      Code = 950  // the time in which the community may answer is over
	CodeNotDon             Code = 962  // only for subscribers of the community's VK Donut
	CodeNotEmployee        Code = 967  // the user is no employee, and so may not join a work chat
	CodeForwardProtected   Code = 969  // the message is protected from being forwarded
	CodePinExpiring        Code = 970  // a message that will expire cannot be pinned
	CodeAppAction          Code = 979  // not in dialogs with communities
	CodeInvitePrivacy      Code = 981  // the user's settings do not let others add them
	CodeInviteLater        Code = 982  // the user cannot be added for now
	CodeMuted              Code = 983  // the bot may not write in the chat for now
	CodeSpamRestricted     Code = 984  // the sender may not write for now, because of spam
	CodeNotificationsOnly  Code = 985  // the community's dialog is for notifications only
	CodeRequestNeeded      Code = 987  // a message request is needed first
	CodeRequestPending     Code = 988  // the message request is not answered yet
	CodeDropCache          Code = 990  // previously fetched data is invalid: fetch it again
	CodeReactionRefused    Code = 995  // the reaction was refused
	CodeUnknownReaction    Code = 1009 // there is no such reaction
	CodeReactionDisabled   Code = 1010 // this reaction is disabled in the chat
	CodeReactionLimit      Code = 1011 // the message has the maximum number of reactions
	CodeWritingDisabled    Code = 1012 // the chat's admins have disabled writing
	CodeConversationAccess Code = 1017 // no access to the conversation
	CodeNoConversation     Code = 1021 // there is no conversation with this user yet
	CodePhotoChanged       Code = 1160 // the photo has changed since: upload it again

	// From photos and other uploads.

	CodeBlocked      Code = 19   // the content is blocked
	CodeUpload       Code = 22   // the upload failed: begin it again
	CodeSaveFile     Code = 105  // the file could not be saved: upload it again
	CodeParamAlbumID Code = 114  // a wrong album id
	CodeParamServer  Code = 118  // the server differs from the upload's result
	CodeParamHash    Code = 121  // the hash differs from the upload's result
	CodeParamPhotos  Code = 122  // wrong photos
	CodeParamPhoto   Code = 129  // a bad picture, or one that differs from the upload's result
	CodeAlbumsLimit  Code = 302  // the limit on the number of albums is reached
	CodeGroup2FA     Code = 703  // the caller needs two-factor authentication
	CodeMarketOff    Code = 1438 // the community's market is disabled

	// From docs.

	CodeParamDocID     Code = 1150 // a wrong document id
	CodeDocDelete      Code = 1151 // the document may not be deleted
	CodeParamDocTitle  Code = 1152 // a wrong title
	CodeDocAccess      Code = 1153 // no access to the document
	CodeDocRestore     Code = 1154 // the document may not be restored
	CodeDocRestoreLate Code = 1155 // the document was deleted too long ago

	// From groups.

	CodeParamGroupID     Code = 125  // a wrong community id, or another community's
	CodeGroupsAccess     Code = 260  // the user hides their communities
	CodeGroupCreator     Code = 700  // the creator's role cannot be changed
	CodeNotInGroup       Code = 701  // the user must be in the community
	CodeTooManyOfficers  Code = 702  // the limit on the community's managers is reached
	CodeHost2FA          Code = 704  // the other user needs two-factor authentication
	CodeTooManyAddresses Code = 706  // the limit on the community's addresses is reached
	CodeAppNotInstalled  Code = 711  // the application is not installed in the community
	CodeInviteLink       Code = 714  // the invitation link is wrong or has expired
	CodeScreenName       Code = 1260 // a wrong or taken short address
	CodeMarketOn         Code = 1431 // the market is already enabled
	CodeMarketOffAlready Code = 1432 // the market is already disabled
	CodeCallbackLimit    Code = 2000 // the limit on the community's callback servers is reached: 10

	// From walls, comments, discussions and polls.

	CodeCommentAccess       Code = 183  // no access to the comment
	CodeVideoAccess         Code = 204  // no access to the video
	CodeMarketAccess        Code = 205  // no access to the market
	CodeWallAccess          Code = 210  // no access to the post
	CodeWallCommentAccess   Code = 211  // no access to the post's comment
	CodeWallRepliesAccess   Code = 212  // no access to the post's comments
	CodeWallReply           Code = 213  // the post may not be commented on
	CodeWallPost            Code = 214  // the bot may not post, or has reached the limit of posts for the day
	CodeWallAd              Code = 219  // an advertisement was posted not long ago
	CodeWallRecipients      Code = 220  // too many recipients
	CodeWallLinks           Code = 222  // links may not be posted
	CodeWallReplyFlood      Code = 223  // the limit of comments is reached for now
	CodeWallAdLimit         Code = 224  // the limit on the number of advertisements is reached
	CodeWallDonut           Code = 225  // posts for subscribers are disabled
	CodeReaction            Code = 232  // this cannot be reacted to
	CodeCommentNotDeleted   Code = 243  // the comment is not deleted
	CodePollAccess          Code = 250  // no access to the poll
	CodeParamPollID         Code = 251  // a wrong poll id
	CodeParamAnswerID       Code = 252  // a wrong answer id
	CodePollNotVoted        Code = 253  // the poll's answers are visible only to users after they vote
	CodeWeightedFlood       Code = 601  // too many similar actions, by the count for calls of advertisements
	CodeVideoCommentsClosed Code = 801  // the video's comments are closed
	CodeLinkSource          Code = 3102 // the source of the copied text cannot be found

	// From stories, markets and others.

	CodeAuthFlood         Code = 1105  // too many attempts to log in
	CodeMarketRestoreLate Code = 1400  // the item was deleted too long ago
	CodeMarketComments    Code = 1401  // the market's comments are closed
	CodeMarketAlbum       Code = 1402  // there is no such album of items
	CodeMarketItem        Code = 1403  // there is no such item
	CodeMarketItemAdded   Code = 1404  // the item was added already
	CodeMarketItems       Code = 1405  // the limit on the number of items is reached
	CodeMarketOrder       Code = 1436  // there is no such order
	CodeMarketOrderStatus Code = 1456  // the order cannot have this status
	CodeMarketDisabled    Code = 1525  // the market is closed
	CodeStoryExpired      Code = 1600  // the story has expired
	CodeStoryReply        Code = 1602  // the story does not allow this kind of reply
	CodeStickerNotBought  Code = 2100  // the sticker was not bought
	CodeUploadAnswer      Code = 5701  // the result of the upload is malformed
	CodeCannotTranslate   Code = 11101 // the text cannot be translated
)
