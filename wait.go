package vk

// Park runs wait without the handler's turn: meanwhile the events of its
// conversation go on, its worker serves others, and its time limit stands
// still. The handler goes on before any event of the conversation that has not
// begun. Park returns what wait returns.
//
// It is for a handler that waits for something, not for one that works. It
// must be called on the handler's own goroutine.
func (c *Context) Park(wait func() error) error {
	j := c.inv.job
	if j == nil {
		return wait()
	}
	j.d.watch.end(j)
	j.turn.Park()
	defer func() {
		j.turn.Resume()
		j.d.watch.begin(j)
	}()
	return wait()
}

// offer offers the event to those who wait for one. m is where it leads if
// nobody takes it.
func (c *Context) offer(m destination) (taken bool) { return false }
