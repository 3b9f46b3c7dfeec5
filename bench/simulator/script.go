package simulator

import (
	"fmt"
	"sync"
	"time"
)

// Step is a part of a script.
type Step struct {
	// Requests is how many requests (connections, if Faults has an accept- fault) the step lasts. Zero means for ever.
	Requests int
	// Faults is the spec they get. Empty means good behaviour.
	Faults string
}

// Script replaces the server's script: the next requests get the first step's faults, those after them the second's,
// and so on; when it is used up, or after Script(), only Config.Faults is left. A request's own spec adds to it.
func (s *Server) Script(steps ...Step) error {
	scenes := make([]scene, 0, len(steps))
	for _, step := range steps {
		p := newPlan()
		if err := p.parse(step.Faults); err != nil {
			return fmt.Errorf("cannot take step %q: %w", step.Faults, err)
		}
		scenes = append(scenes, scene{step: step, accept: p.accept != ""})
	}
	s.script.set(scenes)
	return nil
}

type script struct {
	mu     sync.Mutex
	scenes []scene
}

type scene struct {
	step   Step
	accept bool // is about connections
}

func (s *script) set(scenes []scene) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scenes = scenes
}

// empty reports whether nothing is left to play.
func (s *script) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.scenes) == 0
}

// take uses up one request, or one connection, of the current step. A step of the other sort is left alone.
func (s *script) take(accept bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.scenes) == 0 || s.scenes[0].accept != accept {
		return ""
	}
	current := &s.scenes[0]
	faults := current.step.Faults
	if current.step.Requests > 0 {
		current.step.Requests--
		if current.step.Requests == 0 {
			s.scenes = s.scenes[1:]
		}
	}
	return faults
}

// down reports whether a flapping server is in its bad half now.
func (s *Server) down(flap time.Duration) bool {
	return flap > 0 && (time.Since(s.started)/flap)%2 == 1
}
