package vk

// Cond stands in for the router's until the merge.
type Cond func(*Context) (bool, error)

// When stands in for the router's until the merge: one for a Router, without
// regard to its prefix.
func (r *Router) When(cond Cond, h HandlerFunc, mw ...Middleware) *Route {
	On(r, EventMessageNew, func(c *Context, _ *MessageNew) error {
		if ok, err := cond(c); !ok || err != nil {
			return err
		}
		return h(c)
	})
	return nil
}
