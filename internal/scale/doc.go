// Package scale tests bots of several processes, which share a Queue.
package scale
