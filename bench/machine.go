package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what the figures were taken on.
type machine struct {
	Go     string `json:"go"`
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"` // also GOMAXPROCS of every process
	Memory int64  `json:"memory_mib"`
	// Load is the load average of the minute before: what others did here.
	Load float64 `json:"load"`
}

func (m machine) String() string {
	return fmt.Sprintf("%s, Linux %s, %s, %d cores, %d MiB; load before the run %.2f",
		m.Go, m.Kernel, m.CPU, m.Cores, m.Memory, m.Load)
}

func describeMachine() machine {
	m := machine{Go: runtime.Version(), Kernel: "unknown", CPU: "unknown CPU", Cores: runtime.NumCPU()}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		m.Kernel = unix.ByteSliceToString(uts.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit) >> 20
		m.Load = float64(info.Loads[0]) / (1 << 16)
	}
	cpus, _ := os.ReadFile("/proc/cpuinfo") // without it the CPU stays unknown
	for line := range bytes.Lines(cpus) {
		if name, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// raiseFiles lets this process and those it starts open as many files as the
// system allows, and returns that number.
func raiseFiles() (uint64, error) {
	const plenty = 65_536
	limit := unix.Rlimit{Cur: plenty, Max: plenty}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		return plenty, nil
	}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	return limit.Max, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}
