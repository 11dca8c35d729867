package websocket

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// An opcode is the kind of a frame.
type opcode uint8

const (
	opContinuation opcode = 0
	opText         opcode = 1
	opBinary       opcode = 2
	opClose        opcode = 8
	opPing         opcode = 9
	opPong         opcode = 10
)

func (op opcode) control() bool { return op&8 != 0 }

func (op opcode) known() bool { return op <= opBinary || op >= opClose && op <= opPong }

const (
	maxControl = 125    // bytes of payload in a control frame
	maxReason  = 123    // bytes of the reason in a close frame
	maxHeader  = 14     // bytes of the longest header
	bitFin     = 1 << 7 // of the first byte
	bitsRSV    = 7 << 4
	bitMask    = 1 << 7 // of the second byte
)

// A header is the header of a frame.
type header struct {
	fin    bool
	op     opcode
	key    maskKey // zero in frames of servers
	length int64
}

// violation returns an error for the peer's violation of the framing rules.
func violation(format string, args ...any) error {
	return &ProtocolError{Code: CodeProtocolError, text: fmt.Sprintf(format, args...)}
}

// readHeader reads and checks the header of a frame. masked is whether the peer
// must mask its frames.
func readHeader(br *bufio.Reader, masked bool) (header, error) {
	b, err := br.Peek(2)
	if err != nil {
		return header{}, err
	}
	h := header{fin: b[0]&bitFin != 0, op: opcode(b[0] & 0xf)}
	short := b[1] &^ bitMask
	switch {
	case b[0]&bitsRSV != 0:
		return h, violation("frame with reserved bits, and no extension is in use")
	case !h.op.known():
		return h, violation("frame with reserved opcode %d", h.op)
	case masked && b[1]&bitMask == 0:
		return h, violation("frame of a client without a mask")
	case !masked && b[1]&bitMask != 0:
		return h, violation("frame of a server with a mask")
	case h.op.control() && !h.fin:
		return h, violation("fragmented control frame")
	case h.op.control() && short > maxControl:
		return h, violation("control frame of more than %d bytes", maxControl)
	}
	br.Discard(2) // in the buffer, as all that is discarded here
	if h.length, err = readLength(br, short); err != nil {
		return h, err
	}
	if masked {
		if b, err = br.Peek(4); err != nil {
			return h, err
		}
		h.key = maskKey(binary.LittleEndian.Uint32(b))
		br.Discard(4)
	}
	return h, nil
}

// readLength returns the length of a frame. short is its length as the second
// byte of the frame has it.
func readLength(br *bufio.Reader, short byte) (int64, error) {
	if short < 126 {
		return int64(short), nil
	}
	size, least := 2, uint64(126)
	if short == 127 {
		size, least = 8, 1<<16
	}
	b, err := br.Peek(size)
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	switch {
	case n < least:
		return 0, violation("frame length of %d is not in its shortest form", n)
	case n>>63 != 0:
		return 0, violation("frame length of more than 63 bits")
	}
	br.Discard(size)
	return int64(n), nil
}

// appendHeader appends the header of a frame with the FIN bit. masked is
// whether the header contains key.
func appendHeader(b []byte, op opcode, length int, masked bool, key maskKey) []byte {
	b = append(b, bitFin|byte(op))
	var mask byte
	if masked {
		mask = bitMask
	}
	switch {
	case length < 126:
		b = append(b, mask|byte(length))
	case length < 1<<16:
		b = append(b, mask|126)
		b = binary.BigEndian.AppendUint16(b, uint16(length))
	default:
		b = append(b, mask|127)
		b = binary.BigEndian.AppendUint64(b, uint64(length))
	}
	if masked {
		b = binary.LittleEndian.AppendUint32(b, uint32(key))
	}
	return b
}

// A maskKey is a masking key. Its lowest byte is for the next byte of payload.
type maskKey uint32

// xor sets dst to src masked with the key, and returns the key for the bytes
// that follow. dst must be as long as src, and may be src.
func (k maskKey) xor(dst, src []byte) maskKey {
	long := uint64(k)<<32 | uint64(k)
	for len(src) >= 32 && len(dst) >= 32 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^long)
		binary.LittleEndian.PutUint64(dst[8:], binary.LittleEndian.Uint64(src[8:])^long)
		binary.LittleEndian.PutUint64(dst[16:], binary.LittleEndian.Uint64(src[16:])^long)
		binary.LittleEndian.PutUint64(dst[24:], binary.LittleEndian.Uint64(src[24:])^long)
		dst, src = dst[32:], src[32:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^long)
		dst, src = dst[8:], src[8:]
	}
	for i, c := range src {
		dst[i] = c ^ byte(k)
		k = maskKey(bits.RotateLeft32(uint32(k), -8))
	}
	return k
}

// closePayload returns the payload of a close frame. The code and the reason
// must be valid.
func closePayload(code Code, reason string) []byte {
	if code == CodeNoStatus {
		return nil
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(reason)), uint16(code))
	return append(b, reason...)
}
