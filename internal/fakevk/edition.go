package fakevk

import "slices"

// A bot receives a message as it was sent, and an observer sees each of its
// edits, however fast they follow: the world keeps the versions that edits have
// replaced.

// edit puts an edited copy in the place of a message and keeps the replaced
// version. Config.HistoryLimit limits how many versions are kept per dialog;
// the oldest are dropped first.
func (w *World) edit(d *dialog, m *Message) {
	if old := d.find(m.CMID); old != nil {
		d.replaced = append(d.replaced, old)
		if len(d.replaced) > w.cfg.HistoryLimit {
			d.replaced[0] = nil
			d.replaced = d.replaced[1:]
		}
	}
	m.Edition = w.lastVersion + 1
	w.replace(d, m)
}

// Original returns a message of a dialog as it was sent: before its edits, and
// before it was deleted for everybody.
func (w *World) Original(viewer, peer, cmid int64) (Message, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(viewer, peer)
	if d == nil {
		return Message{}, false
	}
	m := d.find(cmid)
	if i := slices.IndexFunc(d.replaced, func(r *Message) bool { return r.CMID == cmid }); i >= 0 {
		m = d.replaced[i]
	}
	if m == nil {
		return Message{}, false
	}
	out := m.seenBy(viewer, peer)
	out.Deleted, out.Reactions = false, nil
	return out, true
}

// Edits returns the edited versions of a dialog's messages in the order of the
// edits: one message for each edit, with that edit's Edition. Reactions and
// deletions are not edits.
func (w *World) Edits(viewer, peer int64) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dialogOf(viewer, peer)
	if d == nil {
		return nil
	}
	var list []Message
	for _, m := range d.replaced {
		if m.Edition > 0 {
			list = append(list, m.seenBy(viewer, peer))
		}
	}
	for _, m := range d.messages {
		if m.Edition > 0 {
			list = append(list, m.seenBy(viewer, peer))
		}
	}
	slices.SortFunc(list, func(a, b Message) int { return int(a.Edition - b.Edition) })
	return list
}
