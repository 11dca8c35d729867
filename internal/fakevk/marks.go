package fakevk

// marks are one side's own marks on a dialog.
type marks struct {
	cleared   int64 // CMID up to which the side deleted the conversation
	important bool
	answered  int64 // CMID up to which the side marked it as answered
	asked     bool  // the side marked it as not answered, regardless of the last author
}

// mark changes the marks of a side.
func (d *dialog) mark(side int64, change func(*marks)) {
	m := d.marks[side]
	change(&m)
	d.marks[side] = m
}

// answeredBy clears the mark "not answered" of a side that writes.
func (d *dialog) answeredBy(side int64) {
	if d.marks[side].asked {
		d.mark(side, func(m *marks) { m.asked = false })
	}
}

// newest returns the newest message that viewer sees, or nil.
func (d *dialog) newest(viewer int64) *Message {
	for i := len(d.messages) - 1; i >= 0; i-- {
		if m := d.messages[i]; d.visible(viewer, m) {
			return m
		}
	}
	return nil
}

// unread returns the number of messages to viewer that it has not read.
func (d *dialog) unread(viewer int64) int {
	n := 0
	for i := len(d.messages) - 1; i >= 0; i-- {
		m := d.messages[i]
		if m.CMID <= d.read[viewer] {
			break
		}
		if m.FromID != viewer && d.visible(viewer, m) {
			n++
		}
	}
	return n
}

// unanswered reports whether viewer has yet to reply: the newest message is not
// its own, and it has not marked the dialog as answered since.
func (d *dialog) unanswered(viewer int64) bool {
	m, last := d.marks[viewer], d.newest(viewer)
	return m.asked || last != nil && last.FromID != viewer && last.CMID > m.answered
}
