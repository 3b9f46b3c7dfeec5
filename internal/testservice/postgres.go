package testservice

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PostgresServer is a PostgreSQL server owned by one test, with a database and
// a superuser that are both called postgres and no password. Methods fail the
// test that made it, and are called from one goroutine at a time.
//
// It does not fsync unless its arguments say so: what it has committed outlives
// its processes, not the machine.
type PostgresServer struct {
	t    TB
	bin  string              // the directory of its programs
	as   *syscall.Credential // nil: the test's own account
	data string
	args []string
	port int
	proc *process
}

// Postgres starts a server and returns when it answers. The args go to its
// command line as they are, such as "-c", "fsync=on".
func Postgres(t TB, args ...string) *PostgresServer {
	t.Helper()
	s := &PostgresServer{t: t, bin: postgresPrograms(t), args: args}
	var err error
	if s.as, err = postgresAccount(); err != nil {
		t.Fatalf("cannot find an account for PostgreSQL, which refuses root: %v", err)
	}
	if err := s.newCluster(); err != nil {
		t.Fatalf("cannot make a PostgreSQL cluster: %v", err)
	}
	t.Cleanup(func() {
		s.Stop()
		_ = os.RemoveAll(filepath.Dir(s.data))
	})
	for range portAttempts {
		s.port = freePort(t)
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("cannot start PostgreSQL: %v", err)
	return nil
}

// Addr returns the server's host:port. It stays the same across Stop and Start.
func (s *PostgresServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the address of a database on the server, "postgres" or one that
// the test has created.
func (s *PostgresServer) URL(database string) string {
	return "postgres://postgres@" + s.Addr() + "/" + database + "?sslmode=disable"
}

// Exec runs a statement with the server's own client on the database "postgres",
// and returns its rows as psql -At prints them.
func (s *PostgresServer) Exec(statement string) string {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, s.URL("postgres"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Stop ends the server as a crash would: its connections are reset, and what
// was not committed is gone. It returns when the last process has ended, paused
// or not. Stopping twice is allowed.
func (s *PostgresServer) Stop() {
	if s.proc == nil {
		return
	}
	// Stopped, it has no more children than those found now; they hold its
	// output open, which kill waits for, and paused ones would do so for good.
	_ = s.proc.signal(syscall.SIGSTOP)
	for _, pid := range s.backends() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.proc.kill()
	s.proc = nil
}

// Start starts a stopped server again, with its data, on the same port, and
// with more arguments.
func (s *PostgresServer) Start(args ...string) {
	s.t.Helper()
	if s.proc != nil {
		s.t.Fatal("PostgreSQL is already running")
	}
	s.args = append(s.args, args...)
	if err := s.start(); err != nil {
		s.t.Fatalf("cannot start PostgreSQL again: %v", err)
	}
}

// Pause freezes the server and its backends: connections stay open and are
// still accepted by the kernel, and nothing is answered until Resume.
func (s *PostgresServer) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume lets a paused server go on where it was.
func (s *PostgresServer) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

// signal reaches the server first, so that no backend begins meanwhile: one that
// is being forked when the signal is sent is there when the server has stopped.
func (s *PostgresServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatal("PostgreSQL is not running")
	}
	if err := s.proc.signal(sig); err != nil {
		s.t.Fatalf("cannot signal PostgreSQL: %v", err)
	}
	if sig == syscall.SIGSTOP && !s.proc.stopped() {
		s.t.Fatal("PostgreSQL does not stop")
	}
	for _, pid := range s.backends() {
		_ = syscall.Kill(pid, sig) // one that has ended needs no signal
	}
}

// backends returns the ids of the server's child processes. Each leads a
// session of its own, so that a signal to the server's group misses them.
func (s *PostgresServer) backends() []int {
	pid := s.proc.cmd.Process.Pid
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // it has ended
	}
	var pids []int
	for field := range strings.FieldsSeq(string(list)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

func (s *PostgresServer) start() error {
	args := []string{
		"-D", s.data, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "logging_collector=off",
	}
	proc, err := startProcessAs(s.as, filepath.Join(s.bin, "postgres"), append(args, s.args...),
		"database system is ready to accept connections")
	if err != nil {
		return err
	}
	s.proc = proc
	return nil
}

// newCluster sets s.data to a copy of an empty cluster.
func (s *PostgresServer) newCluster() error {
	template, err := s.template()
	if err != nil {
		return err
	}
	dir, err := s.tempDir()
	if err != nil {
		return err
	}
	s.data = filepath.Join(dir, "data")
	if err := s.run("cp", "-a", template, s.data); err != nil {
		_ = os.RemoveAll(dir)
		return err
	}
	return nil
}

// template returns an empty cluster, which initdb takes seconds to make. It
// stays in the system's temporary directory for the next test binary.
func (s *PostgresServer) template() (string, error) {
	uid := os.Getuid()
	if s.as != nil {
		uid = int(s.as.Uid)
	}
	version := filepath.Base(filepath.Dir(s.bin))
	template := filepath.Join(os.TempDir(), fmt.Sprintf("gateway-test-postgres-%s-%d", version, uid))
	if info, err := os.Lstat(template); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != uid || !info.IsDir() {
			return "", fmt.Errorf("%s is not the directory that a test has made", template)
		}
		return template, nil
	}
	dir, err := s.tempDir()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "data")
	err = s.run(filepath.Join(s.bin, "initdb"), "-D", made, "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--no-locale", "--no-sync")
	if err != nil {
		return "", err
	}
	// Another test binary may have been faster: its template is as good.
	if err := os.Rename(made, template); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return template, nil
}

// tempDir makes a directory that the server's account owns.
func (s *PostgresServer) tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "postgres-")
	if err == nil && s.as != nil {
		err = os.Chown(dir, int(s.as.Uid), int(s.as.Gid))
	}
	return dir, err
}

// run runs a program to its end under the server's account.
func (s *PostgresServer) run(path string, args ...string) error {
	cmd := exec.Command(path, args...)
	cmd.Dir = os.TempDir() // the account may not enter the test's
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", path, err, out)
	}
	return nil
}

// postgresPrograms returns the directory of initdb and postgres, which Debian
// keeps out of PATH.
func postgresPrograms(t TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("postgres")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal("PostgreSQL is not installed; install it with: sudo apt-get install -y postgresql")
	}
	return filepath.Dir(path)
}

// postgresAccount returns the account that the server runs as, or nil for the
// test's own.
func postgresAccount() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
