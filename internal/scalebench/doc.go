// Command scalebench measures a bot of several processes that share a Redis:
// real processes, a real server, kills and pauses. It prints ratios, since
// absolute figures depend on the machine, and exits with status 1 if an event
// was lost, handled twice or overtaken. It runs on Linux, for about four
// minutes.
//
//	go run . [-run throughput,kill,pause,outage,ask,rate,cooldown,rolling]
package main
