package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// syncWithin is how long after its commit a write has reached the disk at the
// latest, in a store that does not wait for that, unless the disk takes longer.
// A sync is begun after half of it.
const syncWithin = 200 * time.Millisecond

// syncer syncs the log behind the commits of a store that does not.
type syncer struct {
	path   string               // of the log
	sync   func(*os.File) error // (*os.File).Sync; of tests another
	kick   chan struct{}
	stop   chan struct{}
	done   chan struct{}
	failed atomic.Pointer[error]
}

func newSyncer(path string, sync func(*os.File) error) *syncer {
	y := &syncer{path: path, sync: sync, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go y.loop()
	return y
}

// committed has what was committed synced soon. It waits for nothing.
func (y *syncer) committed() {
	select {
	case y.kick <- struct{}{}:
	default: // what comes next has not begun
	}
}

func (y *syncer) loop() {
	defer close(y.done)
	for {
		select {
		case <-y.stop:
			return
		case <-y.kick:
		}
		select {
		case <-y.stop: // the store syncs the rest as it closes
			return
		case <-time.After(syncWithin / 2):
		}
		select {
		case <-y.kick: // of those who have committed until here
		default:
		}
		if err := y.round(); err != nil {
			// Nobody knows what is on the disk, and another sync that succeeds
			// would not tell.
			err = fmt.Errorf("%w: the log could not be synced: %w", store.ErrUnavailable, err)
			y.failed.Store(&err)
			return
		}
	}
}

// round syncs the log. That it is opened and closed each time drops no lock:
// SQLite locks the file and the index of the log, never the log.
func (y *syncer) round() error {
	f, err := os.Open(y.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return y.sync(f)
}

// err is why nothing is written any more, or nil.
func (y *syncer) err() error {
	if err := y.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (y *syncer) close() {
	close(y.stop)
	<-y.done
}

// syncDir makes the names in a file's directory durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
