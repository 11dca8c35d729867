package vk

// Cond stands in for the router's until the merge.
type Cond func(*Context) (bool, error)
