// Package list provides a doubly linked list. The nodes are fields of the
// listed values. Adding and removing allocate nothing, and take constant time.
package list

// A List is a list of nodes, each with a value. The zero List is empty and ready
// to use. A List must not be copied, and is not safe for concurrent use.
type List[T any] struct{ first, last *Node[T] }

// A Node is the place of a value in a list. A node is in one list at most; the
// zero Node is in none. Usually it is a field of the struct that its Value
// points to.
type Node[T any] struct {
	Value T

	list       *List[T] // nil if in no list
	prev, next *Node[T]
}

// First returns the first node of the list, or nil if the list is empty.
func (l *List[T]) First() *Node[T] { return l.first }

// Push moves a node to the end of the list, and out of any other list.
func (l *List[T]) Push(n *Node[T]) {
	n.Remove()
	n.list, n.prev = l, l.last
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
}

// Next returns the node after n in its list, or nil if n is the last one.
func (n *Node[T]) Next() *Node[T] { return n.next }

// List returns the list that n is in, or nil.
func (n *Node[T]) List() *List[T] { return n.list }

// Remove removes n from its list, if it is in one.
func (n *Node[T]) Remove() {
	l := n.list
	if l == nil {
		return
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.list, n.prev, n.next = nil, nil, nil
}
