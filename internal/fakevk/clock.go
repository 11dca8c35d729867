package fakevk

import "time"

// SetClock sets the offset of the server's clock from time.Now, which may be
// negative. The offset changes the times that the world reports:
// utils.getServerTime and the dates of messages and media. It does not change
// how long anything lasts.
func (w *World) SetClock(offset time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.ClockOffset = offset
}

// unix returns t as the server reports it. The zero time gives zero.
func (w *World) unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(w.cfg.ClockOffset).Unix()
}
