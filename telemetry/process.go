package telemetry

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc on every system that Go
// runs on.
const ticksPerSecond = 100

// appendProcess appends what the system says of this process. Where there is
// no /proc only the portable part is there.
func (m *Metrics) appendProcess(p *page) {
	p.family("go_goroutines", "gauge", "Goroutines that exist.")
	p.integer("", "", int64(runtime.NumGoroutine()))
	p.family("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.")
	p.start("", "")
	p.decimal(m.started.UnixMilli(), 3)
	if cpu, rss, ok := readStat(); ok {
		p.family("process_cpu_seconds_total", "counter", "CPU time used, user and system.")
		p.start("", "")
		p.decimal(cpu.Milliseconds(), 3)
		p.family("process_resident_memory_bytes", "gauge", "Memory in RAM.")
		p.integer("", "", rss)
	}
	if fds, ok := countDescriptors(); ok {
		p.family("process_open_fds", "gauge", "Open file descriptors.")
		p.integer("", "", fds)
	}
}

// readStat reads CPU time and resident bytes from /proc/self/stat, see
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func readStat() (cpu time.Duration, rss int64, ok bool) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, false
	}
	return parseStat(stat)
}

func parseStat(stat []byte) (cpu time.Duration, rss int64, ok bool) {
	// The command's name is in parentheses and may hold anything; the field
	// after it is the third.
	const third, user, system, pages = 3, 14, 15, 24
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= pages-third {
		return 0, 0, false
	}
	ok = true
	number := func(field int) int64 {
		n, err := strconv.ParseInt(string(fields[field-third]), 10, 64)
		ok = ok && err == nil
		return n
	}
	cpu = time.Duration(number(user)+number(system)) * (time.Second / ticksPerSecond)
	rss = number(pages) * int64(os.Getpagesize())
	return cpu, rss, ok
}

// countDescriptors counts without holding 10,000 names at once.
func countDescriptors() (n int64, ok bool) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(256)
		n += int64(len(names))
		if err != nil {
			return n - 1, n > 0 // dir itself is one of them
		}
	}
}
