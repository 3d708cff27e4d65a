package gen

import (
	"strings"
	"testing"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// TestLevel generates functions that a level's processors can or cannot run.
func TestLevel(t *testing.T) {
	sum := func(registers int) func(a *Asm) { // needs so many registers at a time
		return func(a *Asm) {
			a.Func("sum", "func(p *byte)", "sum adds up vectors.")
			p := a.Arg("p")
			var v []reg.VecVirtual
			for i := range registers {
				v = append(v, a.YMM())
				a.VMOVDQU(At(p, 32*i), v[i])
			}
			for _, x := range v[1:] {
				a.VPADDW(x, v[0], v[0])
			}
			a.VMOVDQU(v[0], At(p, 0))
			a.End()
		}
	}
	in := func(body func(a *Asm, p reg.GPVirtual)) func(a *Asm) {
		return func(a *Asm) {
			a.Func("f", "func(p *byte)", "f does one thing.")
			body(a, a.Arg("p"))
			a.End()
		}
	}
	tests := []struct {
		name  string
		level string
		write func(a *Asm)
		want  string // of the error; none if empty
	}{
		{"sixteen_registers", "avx2", sum(16), ""},
		{"seventeen_registers", "avx2", sum(17), "sum needs Y16"},
		{"seventeen_registers", "avx512", sum(17), ""},
		{"zmm", "avx2", in(func(a *Asm, p reg.GPVirtual) { a.VMOVDQU64(At(p, 0), a.ZMM()) }), "f needs AVX512F"},
		{"mask", "avx2", in(func(a *Asm, _ reg.GPVirtual) { k := a.K(); a.KXORQ(k, k, k) }), "f needs AVX512BW"},
		{"instruction", "avx2", in(func(a *Asm, p reg.GPVirtual) { v := a.YMM(); a.VPSRLW(operand.U8(1), At(p, 0), v) }), "f needs AVX512BW"},
		{"instruction", "avx512", in(func(a *Asm, p reg.GPVirtual) { v := a.YMM(); a.VPSRLW(operand.U8(1), At(p, 0), v) }), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name+"/"+tt.level, func(t *testing.T) {
			_, err := generate("p", sets[tt.level], tt.write)
			if got := ""; err != nil {
				got = err.Error()
				if tt.want == "" || !strings.HasPrefix(got, tt.want) {
					t.Errorf("got error %q, want %q...", got, tt.want)
				}
			} else if tt.want != "" {
				t.Errorf("got no error, want %q...", tt.want)
			}
		})
	}
}
