// Package durable tests that handlers survive the end of their process. See
// docs/durable.md.
package durable
