package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sandboxed is the name under which this program starts as a Sandbox's inner
// half; see Main.
const sandboxed = "gateway: sandboxed"

// Sandbox confines a program: a network of its own that has nothing but its
// loopback, processes that all end with it, limits, and no way to gain rights.
// It does not hide files: what the gateway's account may read, it may.
type Sandbox struct {
	// CPU is the most of a processor's time for each of its processes.
	CPU time.Duration
	// Memory, FileSize are in bytes, of each process and each file; Files is how
	// many it may have open, Processes how many of them the account may have.
	Memory, FileSize, Files, Processes uint64
}

// confine makes cmd one that is confined. The inner half, a second start of this
// program, sets the limits from the inside and becomes cmd.
func (s *Sandbox) confine(cmd *exec.Cmd) error {
	settings, err := json.Marshal(s)
	if err != nil {
		return err
	}
	cmd.Args = append([]string{sandboxed, string(settings), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	a := cmd.SysProcAttr
	a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	a.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN} // until the loopback is up
	return nil
}

// Available reports whether this machine lets programs be confined; the error
// says why not.
func Available() error {
	cmd := exec.Command("/bin/true")
	cmd.Env, cmd.SysProcAttr = []string{}, &syscall.SysProcAttr{}
	if err := (&Sandbox{}).confine(cmd); err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("user and network namespaces are not available: %w", err)
	}
	return nil
}

// Main is called first by every program that uses a Sandbox. In the inner half
// of one it does not return.
func Main() {
	if len(os.Args) < 3 || os.Args[0] != sandboxed {
		return
	}
	fmt.Fprintln(os.Stderr, "sandbox:", enter(os.Args[1], os.Args[2], os.Args[2:]))
	os.Exit(126)
}

// enter sets the limits and becomes the program. It returns only on failure.
func enter(settings, path string, args []string) error {
	var s Sandbox
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return err
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("cannot start the loopback: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot give up new rights: %w", err)
	}
	if err := s.limit(); err != nil {
		return err
	}
	return syscall.Exec(path, args, os.Environ())
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// limit sets what is limited, and no core files.
func (s *Sandbox) limit() error {
	limits := map[int]uint64{
		unix.RLIMIT_CPU: uint64(s.CPU / time.Second), unix.RLIMIT_DATA: s.Memory, unix.RLIMIT_FSIZE: s.FileSize,
		unix.RLIMIT_NOFILE: s.Files, unix.RLIMIT_NPROC: s.Processes,
	}
	errs := []error{unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})}
	for what, most := range limits {
		if most == 0 {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(what, &now); err != nil {
			errs = append(errs, err)
			continue
		}
		most = min(most, now.Max)
		errs = append(errs, unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot set the limits: %w", err)
	}
	return nil
}
