package spool

import (
	"encoding/binary"
	"hash/crc32"
	"os"

	"golang.org/x/sys/unix"
)

// The position's file has two slots, in sectors of their own, which are
// written in turn, so that one of them is whole at any moment:
//
//	 0  CRC-32C of the rest
//	 8  which write this is, from 1
//	16  the number of the last record that was applied
//	24  the segment in which the next one is, by its first record's number
//	32  where in it
const (
	positionSize = 4096
	slotApart    = 512
	slotSize     = 40
)

// position is where the records begin that wait. Writing it is no system call.
type position struct {
	file *os.File
	data []byte
	turn uint64
}

// place is what a position says.
type place struct {
	applied, segment uint64
	off              int64
}

func openPosition(path string, d disk) (*position, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	p := &position{file: f}
	if err := d.allocate(f, positionSize); err != nil {
		p.close()
		return nil, err
	}
	if p.data, err = unix.Mmap(int(f.Fd()), 0, positionSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		p.close()
		return nil, err
	}
	return p, d.sync(f)
}

// load returns the place written last, and whether there is one.
func (p *position) load() (at place, ok bool) {
	for i := range 2 {
		slot := p.data[i*slotApart:][:slotSize]
		turn := binary.LittleEndian.Uint64(slot[8:])
		if turn <= p.turn || crc32.Checksum(slot[8:], castagnoli) != binary.LittleEndian.Uint32(slot) {
			continue
		}
		p.turn, ok = turn, true
		at.applied = binary.LittleEndian.Uint64(slot[16:])
		at.segment = binary.LittleEndian.Uint64(slot[24:])
		at.off = int64(binary.LittleEndian.Uint64(slot[32:]))
	}
	return at, ok
}

func (p *position) store(at place) {
	p.turn++
	slot := p.data[p.turn%2*slotApart:][:slotSize]
	binary.LittleEndian.PutUint64(slot[8:], p.turn)
	binary.LittleEndian.PutUint64(slot[16:], at.applied)
	binary.LittleEndian.PutUint64(slot[24:], at.segment)
	binary.LittleEndian.PutUint64(slot[32:], uint64(at.off))
	binary.LittleEndian.PutUint32(slot, crc32.Checksum(slot[8:], castagnoli))
}

func (p *position) close() {
	if p.data != nil {
		_ = unix.Munmap(p.data) // fails for what is not mapped only
		p.data = nil
	}
	p.file.Close()
}
