package vk

import "time"

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
