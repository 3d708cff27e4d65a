package poolmodel

import (
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// localPrefix begins the name of a pool that is a function's own variable, pointerPrefix that of one which a field points to: it
// may be any, also one that has another name. eachSuffix ends the name of the pools of an array, slice or map: it may be any of them.
const (
	localPrefix   = "local "
	pointerPrefix = "*"
	eachSuffix    = "[]"
)

// poolOf names the pool that v is, so that what comes out of it can be compared with what goes in: a package variable, or a
// field of a type, whichever value of the type it is. A pool that is not one of these has no name, "".
func poolOf(v ssa.Value) string {
	switch v := v.(type) {
	case *ssa.Global:
		if v.Pkg != nil {
			return v.Pkg.Pkg.Path() + "." + v.Name()
		}
	case *ssa.FieldAddr:
		return fieldName(v.X.Type(), v.Field)
	case *ssa.Field:
		return fieldName(v.X.Type(), v.Field)
	case *ssa.IndexAddr:
		return eachOf(v.X)
	case *ssa.Lookup:
		return eachOf(v.X)
	case *ssa.UnOp:
		if v.Op != token.MUL {
			return ""
		}
		name := poolOf(v.X)
		if _, field := v.X.(*ssa.FieldAddr); field && name != "" {
			return pointerPrefix + name
		}
		return name
	case *ssa.Alloc:
		return localPrefix + v.Parent().String() + "." + v.Comment
	case *ssa.FreeVar:
		return boundPool(v)
	}
	return ""
}

// eachOf names the pools that are in v.
func eachOf(v ssa.Value) string {
	if name := poolOf(v); name != "" {
		return name + eachSuffix
	}
	return ""
}

func fieldName(t types.Type, field int) string {
	named := namedOf(t)
	if named == nil || named.Obj().Pkg() == nil {
		return ""
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return ""
	}
	return named.Obj().Pkg().Path() + "." + named.Obj().Name() + "." + st.Field(field).Name()
}

// boundPool names the pool that a closure has captured as v.
func boundPool(v *ssa.FreeVar) string {
	if bound := BoundTo(v); bound != nil {
		return poolOf(bound)
	}
	return ""
}

// BoundTo returns what a closure has captured as v, nil where that is not known.
func BoundTo(v *ssa.FreeVar) ssa.Value {
	fn := v.Parent()
	if fn.Parent() == nil || fn.Referrers() == nil {
		return nil
	}
	for _, ref := range *fn.Referrers() {
		mc, ok := ref.(*ssa.MakeClosure)
		if !ok {
			continue
		}
		for i, fv := range fn.FreeVars {
			if fv == v {
				return mc.Bindings[i]
			}
		}
	}
	return nil
}

// IsPointed reports whether a pool of that name may be another, because a field points to it, or it is one of several.
func IsPointed(pool string) bool { return strings.HasPrefix(pool, pointerPrefix) || IsEach(pool) }

// IsEach reports whether the name is that of several pools, in an array, a slice or a map.
func IsEach(pool string) bool { return strings.HasSuffix(pool, eachSuffix) }

// EndsWith reports whether a pool is a variable of fn: what it loses when fn returns would end with it.
func EndsWith(pool string, fn *ssa.Function) bool {
	return strings.HasPrefix(pool, localPrefix+fn.String()+".")
}

// ShortPool returns the name of a pool without its package's path, for messages.
func ShortPool(pool string) string {
	if pool == "" {
		return "its pool"
	}
	name := afterSlash(strings.TrimPrefix(pool, pointerPrefix))
	if _, after, ok := strings.Cut(name, "."); ok {
		return after
	}
	return name
}
