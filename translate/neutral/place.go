package neutral

// places maps the blocks of a stream, by choice and index, to where they are
// kept. Few are open at once, so they are searched from the latest on; a map
// takes over where a provider opens many.
type places struct {
	few  []place
	many map[placeKey]int
}

type place struct {
	key placeKey
	at  int
}

type placeKey struct{ choice, index int }

const maxFew = 16

func (p *places) find(key placeKey) int {
	for i := len(p.few) - 1; i >= 0; i-- {
		if p.few[i].key == key {
			return i
		}
	}
	return -1
}

func (p *places) get(choice, index int) (int, bool) {
	key := placeKey{choice, index}
	if i := p.find(key); i >= 0 {
		return p.few[i].at, true
	}
	at, ok := p.many[key]
	return at, ok
}

// put replaces a place of the same block.
func (p *places) put(choice, index, at int) {
	key := placeKey{choice, index}
	p.remove(choice, index)
	if len(p.few) < maxFew {
		p.few = append(p.few, place{key, at})
		return
	}
	if p.many == nil {
		p.many = make(map[placeKey]int)
	}
	p.many[key] = at
}

func (p *places) remove(choice, index int) {
	key := placeKey{choice, index}
	if i := p.find(key); i >= 0 {
		p.few = append(p.few[:i], p.few[i+1:]...)
		return
	}
	delete(p.many, key)
}
