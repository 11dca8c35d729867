package versus

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time that the process has used. Windows counts it in
// steps of about 16 milliseconds, which even out over a benchmark.
func cpuTime() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return 0
	}
	const tick = 100 * time.Nanosecond
	ticks := func(f syscall.Filetime) time.Duration {
		return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * tick
	}
	return ticks(kernel) + ticks(user)
}
