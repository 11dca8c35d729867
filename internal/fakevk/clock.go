package fakevk

import "time"

// SetClock sets by how much the clock of the server is ahead of time.Now, or
// behind it. It shows in what the world tells of time: utils.getServerTime and
// the dates of messages and media. How long anything lasts is not touched.
func (w *World) SetClock(offset time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.ClockOffset = offset
}

// unix is a moment as the server tells it, zero for the zero time.
func (w *World) unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(w.cfg.ClockOffset).Unix()
}
