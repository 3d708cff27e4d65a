package poolmodel

import (
	"fmt"
	"go/types"
	"maps"
	"strings"
)

// api is what a function of a known pool does.
type api struct {
	get  bool // its first result comes out of the pool
	put  bool // argument arg goes back into it
	hold bool // argument arg has one more holder: its next put does not end its life
	keep bool // argument arg changes hands
	arg  int
	self bool // the pool is not an operand: what was got is its own way back, or the pool is the package's
}

const ours = "github.com/steadyframe/steadyframe/"

// apis are the pools that are known without being told, by package path, type and name of the function.
var apis = map[string]api{
	"sync.Pool.Get": {get: true},
	"sync.Pool.Put": {put: true, arg: 1},

	ours + "pool.Pool.Get":       {get: true, self: true},
	ours + "pool.Pool.Admit":     {get: true, self: true},
	ours + "pool.Pool.TryAdmit":  {get: true, self: true},
	ours + "pool.Priority.Admit": {get: true, self: true},
	ours + "pool.Buf.Retain":     {get: true, self: true, hold: true},
	ours + "pool.Buf.Release":    {put: true, self: true},
	ours + "pool.Grant.Release":  {put: true, self: true},
	ours + "pool.Of.Get":         {get: true},
	ours + "pool.Of.Put":         {put: true, arg: 1},
	ours + "frame.New":           {get: true, self: true},
	ours + "frame.FromBuf":       {get: true, self: true, keep: true, arg: 1},
	ours + "frame.Frame.Release": {put: true, self: true},

	"github.com/valyala/bytebufferpool.Get":      {get: true, self: true},
	"github.com/valyala/bytebufferpool.Put":      {put: true, self: true},
	"github.com/valyala/bytebufferpool.Pool.Get": {get: true},
	"github.com/valyala/bytebufferpool.Pool.Put": {put: true, arg: 1},

	"github.com/libp2p/go-buffer-pool.Get":            {get: true, self: true},
	"github.com/libp2p/go-buffer-pool.Put":            {put: true, self: true},
	"github.com/libp2p/go-buffer-pool.BufferPool.Get": {get: true},
	"github.com/libp2p/go-buffer-pool.BufferPool.Put": {put: true, arg: 1},

	"github.com/bytedance/gopkg/lang/mcache.Malloc": {get: true, self: true},
	"github.com/bytedance/gopkg/lang/mcache.Free":   {put: true, self: true},

	"github.com/valyala/fasthttp.AcquireRequest":  {get: true, self: true},
	"github.com/valyala/fasthttp.ReleaseRequest":  {put: true, self: true},
	"github.com/valyala/fasthttp.AcquireResponse": {get: true, self: true},
	"github.com/valyala/fasthttp.ReleaseResponse": {put: true, self: true},
	"github.com/valyala/fasthttp.AcquireURI":      {get: true, self: true},
	"github.com/valyala/fasthttp.ReleaseURI":      {put: true, self: true},
	"github.com/valyala/fasthttp.AcquireArgs":     {get: true, self: true},
	"github.com/valyala/fasthttp.ReleaseArgs":     {put: true, self: true},
	"github.com/valyala/fasthttp.AcquireCookie":   {get: true, self: true},
	"github.com/valyala/fasthttp.ReleaseCookie":   {put: true, self: true},

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/bytesutil.ByteBufferPool.Get": {get: true},
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/bytesutil.ByteBufferPool.Put": {put: true, arg: 1},

	"github.com/oxtoacart/bpool.BufferPool.Get":      {get: true},
	"github.com/oxtoacart/bpool.BufferPool.Put":      {put: true, arg: 1},
	"github.com/oxtoacart/bpool.SizedBufferPool.Get": {get: true},
	"github.com/oxtoacart/bpool.SizedBufferPool.Put": {put: true, arg: 1},
	"github.com/oxtoacart/bpool.BytePool.Get":        {get: true},
	"github.com/oxtoacart/bpool.BytePool.Put":        {put: true, arg: 1},

	"go.uber.org/zap/buffer.Pool.Get":             {get: true, self: true},
	"go.uber.org/zap/zapcore.Encoder.EncodeEntry": {get: true, self: true},
	"go.uber.org/zap/buffer.Buffer.Free":          {put: true, self: true},

	"google.golang.org/grpc/mem.BufferPool.Get": {get: true},
	"google.golang.org/grpc/mem.BufferPool.Put": {put: true, arg: 1},
	"google.golang.org/grpc/mem.Buffer.Ref":     {hold: true},
	"google.golang.org/grpc/mem.Buffer.Free":    {put: true, self: true},
}

// parseAPIs returns the table with the pools of the flag -pools added: "path.Type.Get=Put,path.Get=Put,…". A Put that
// begins with a dot is a method of what was got: "path.Pool.Get=.Release" and the type of Get's first result.
func parseAPIs(flag string) (map[string]api, error) {
	table := maps.Clone(apis)
	if flag == "" {
		return table, nil
	}
	for _, pair := range strings.Split(flag, ",") {
		get, put, ok := strings.Cut(strings.TrimSpace(pair), "=")
		dot := strings.LastIndex(get, ".")
		if !ok || dot < 0 || put == "" || put == "." {
			return nil, fmt.Errorf("poolvet: flag -pools: got %q, want path.Type.Get=Put or path.Type.Get=path.Value.Release", pair)
		}
		name := afterSlash(get)
		method := strings.Count(name, ".") > 1
		if strings.Contains(put, ".") { // a method of the value, written out
			table[get] = api{get: true, self: true}
			table[put] = api{put: true, self: true}
			continue
		}
		table[get] = api{get: true, self: !method}
		if method {
			table[get[:dot+1]+put] = api{put: true, arg: 1}
		} else {
			table[get[:dot+1]+put] = api{put: true, self: true}
		}
	}
	return table, nil
}

// afterSlash returns what follows the last slash of s: all of it when there is none.
func afterSlash(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// apiKey returns the name of a function in the table: package path, receiver type if any, name. A method of an interface with the two of a sync.Pool
// has the name of that.
func apiKey(fn *types.Func) string {
	if fn.Pkg() == nil {
		return fn.Name()
	}
	if isOfPool(fn) {
		return "sync.Pool." + fn.Name()
	}
	name := unvendored(fn.Pkg().Path()) + "."
	if recv := fn.Signature().Recv(); recv != nil {
		if named := namedOf(recv.Type()); named != nil {
			name += named.Obj().Name() + "."
		}
	}
	return name + fn.Name()
}

// isOfPool reports whether fn is a method of an interface that has Get() any and Put(any), and no other: a sync.Pool, or what stands for one.
func isOfPool(fn *types.Func) bool {
	recv := fn.Signature().Recv()
	if recv == nil {
		return false
	}
	pool, ok := recv.Type().Underlying().(*types.Interface)
	if !ok || pool.NumMethods() != 2 {
		return false
	}
	get, put := pool.Method(0), pool.Method(1) // in the order of their names
	return get.Name() == "Get" && isAny(get.Signature().Results()) && get.Signature().Params().Len() == 0 &&
		put.Name() == "Put" && isAny(put.Signature().Params()) && put.Signature().Results().Len() == 0
}

// isAny reports whether a list is of one value of type any.
func isAny(list *types.Tuple) bool {
	if list.Len() != 1 {
		return false
	}
	iface, ok := list.At(0).Type().Underlying().(*types.Interface)
	return ok && iface.Empty()
}

// unvendored returns a package's path without that of a folder of vendored packages: without modules, it is part of the path.
func unvendored(path string) string {
	if i := strings.LastIndex(path, "/vendor/"); i >= 0 {
		return path[i+len("/vendor/"):]
	}
	return path
}

// namedOf returns the named type of t or of what t points to, nil for others.
func namedOf(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	return named
}

// GRPCBuffer is the function that makes a buffer of bytes and of the pool into which they go when it is freed.
const GRPCBuffer = "google.golang.org/grpc/mem.NewBuffer"
