package gen

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// BroadcastB returns a 64-byte register with a value in each byte, and names it.
func (a *Asm) BroadcastB(text string, value uint32) reg.VecVirtual {
	r, v := a.GP32(), Name(a, text, a.ZMM())
	a.MOVL(operand.U32(value), r)
	a.VPBROADCASTB(r, v)
	return v
}

// BroadcastW is BroadcastB for words.
func (a *Asm) BroadcastW(text string, value uint32) reg.VecVirtual {
	r, v := a.GP32(), Name(a, text, a.ZMM())
	a.MOVL(operand.U32(value), r)
	a.VPBROADCASTW(r, v)
	return v
}
