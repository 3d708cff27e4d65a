// Package config has the settings of a Steadyframe server, their defaults, and where they are read from.
package config

import (
	"cmp"
	"time"
)

// Config is every setting of a server. A setting's name is its path of yaml names, such as http.listen; it is the same
// in a file, in a flag, and, upper-cased with underscores, in the environment (STEADYFRAME_HTTP_LISTEN). Default
// returns the values to start from. The tag was has the name that a setting had before; it is still read. The tag
// bounds says which values are valid: least..most, which Validate reads, or a text for display.
type Config struct {
	HTTP    HTTP     `yaml:"http"`
	GRPC    GRPC     `yaml:"grpc"`
	Ring    Ring     `yaml:"ring"`
	RTSP    RTSP     `yaml:"rtsp"`
	Admin   Listener `yaml:"admin"`
	TLS     TLS      `yaml:"tls"`
	Auth    Auth     `yaml:"auth"`
	Limits  Limits   `yaml:"limits"`
	Timeout Timeouts `yaml:"timeouts"`
	Live    Live     `yaml:"live"`
	Streams Streams  `yaml:"streams"`
	Scenes  Scenes   `yaml:"scenes"`
	Cluster Cluster  `yaml:"cluster"`
	Log     Log      `yaml:"log"`

	Workers      int      `yaml:"workers" bounds:"0..1024" doc:"goroutines that encode; 0: one for each processor Go may use"`
	DrainTimeout Duration `yaml:"drain_timeout" doc:"how long to wait for in-flight requests on shutdown"`
}

// HTTP is the address of the HTTP API, its names, and which web pages may use it.
type HTTP struct {
	Listen         string  `yaml:"listen" doc:"where the HTTP API and the page are: host:port, unix:/path, or off"`
	Hosts          Hosts   `yaml:"hosts" doc:"names of this server in URLs, beside its addresses, localhost and the machine's own name, such as frames.example, separated by commas; * for all; of the admin listener too"`
	CORSOrigins    Origins `yaml:"cors_origins" doc:"origins of other web pages that may use the HTTP API, such as https://example.com, separated by commas; * for all"`
	FrameAncestors Origins `yaml:"frame_ancestors" doc:"origins of other web pages that may show this server's page in a frame, separated by commas; * for all"`
}

// Listener is the address of another API.
type Listener struct {
	Listen string `yaml:"listen" doc:"where they are: host:port, unix:/path, or off"`
}

// GRPC is the address of the gRPC API and its limits.
type GRPC struct {
	Listen                string `yaml:"listen" doc:"where the gRPC API is: host:port, unix:/path, or off"`
	Reflection            bool   `yaml:"reflection" doc:"whether callers may ask which methods there are, as grpcurl does"`
	MaxCallsPerConnection int    `yaml:"max_calls_per_connection" bounds:"1 or more" doc:"gRPC calls of one connection at the same time"`
	MaxCallsPerPeer       int    `yaml:"max_calls_per_peer" bounds:"1 or more" doc:"gRPC calls of one IP address at the same time; a proxy is one"`
	// MaxConnectionAge is jittered by a tenth either way.
	MaxConnectionAge Duration `yaml:"max_connection_age" doc:"after about this time a gRPC connection takes no further calls, so that clients of several servers connect anew, to new servers too; open calls go on; 0: never"`
}

// Ring is where programs on the same machine find the shared memory, and which users may.
type Ring struct {
	Listen string `yaml:"listen" doc:"unix:/path, off, or auto: a path that only the server's user reaches; Linux alone"`
	UIDs   UIDs   `yaml:"uids" doc:"ids of users that may use the ring beside the server's own and root, separated by commas"`
}

// RTSP is where players find live streams, and how they are sent.
type RTSP struct {
	Listen             string `yaml:"listen" doc:"where live streams are for players and recorders, as rtsp://HOST:PORT/NAME: host:port, such as 127.0.0.1:8554, or off"`
	UDP                string `yaml:"udp" doc:"the port that images go out from where a client wants UDP: an even number, for RTP, and the next one for RTCP; any, or off; with tls.cert there is no UDP"`
	MaxSessionsPerPeer int    `yaml:"max_sessions_per_peer" bounds:"1 or more" doc:"RTSP sessions of one IP address at the same time; a proxy is one"`
}

// TLS is how the listeners of HTTP, gRPC, RTSP and admin encrypt, but for those on Unix sockets.
type TLS struct {
	Cert     string `yaml:"cert" doc:"a PEM file with the certificate of the server, and those between it and its authority; with it, clients must use TLS; read again when it changes"`
	Key      string `yaml:"key" doc:"a PEM file with the certificate's key; read again when it changes"`
	ClientCA string `yaml:"client_ca" doc:"a PEM file with certificates of authorities: clients with a certificate that one of them signed may use the server, and others need a token; read again when it changes"`
	// ClientScopes are those of certificates that auth.tokens_file does not name.
	ClientScopes Scopes `yaml:"client_scopes" doc:"what clients with such a certificate may do, where auth.tokens_file does not name it: scopes, separated by commas"`
}

// Auth says which clients may use HTTP, gRPC and RTSP.
type Auth struct {
	Token      string `yaml:"token" doc:"when set, clients must send Authorization: Bearer TOKEN, and may do everything with it"`
	TokensFile string `yaml:"tokens_file" doc:"a file of tokens, each with a name and scopes, as steadyframe token new writes it; read again when it changes"`
	LinkKeys   string `yaml:"link_keys" doc:"a file with the key that signs links to streams, as steadyframe token key writes it, and the one before; read again when it changes"`
	JWT        JWT    `yaml:"jwt"`
	Insecure   bool   `yaml:"insecure" doc:"whether to listen beyond this machine though everybody may use the server"`
}

// JWT says which JSON Web Tokens are taken beside other tokens.
type JWT struct {
	JWKS     string `yaml:"jwks" doc:"the keys that sign JSON Web Tokens, as a JWK Set: a file, read again when it changes, or an https URL"`
	CA       string `yaml:"ca" doc:"a PEM file with the certificates of authorities to trust for that URL; empty: the system's"`
	Issuer   string `yaml:"issuer" doc:"the issuer that JSON Web Tokens must have (iss)"`
	Audience string `yaml:"audience" doc:"the audience that JSON Web Tokens must have (aud)"`
	Claim    string `yaml:"claim" doc:"the claim that holds scopes, as a list or a text with blanks; those of other servers are ignored"`
}

// AuthRequired reports whether clients must say who they are: with a token, or a certificate.
func (c Config) AuthRequired() bool {
	return c.Auth.Token != "" || c.Auth.TokensFile != "" || c.Auth.JWT.JWKS != "" || c.TLS.ClientCA != ""
}

// Limits bound requests of clients and the memory of the server.
type Limits struct {
	MaxPixels       int  `yaml:"max_pixels" bounds:"1 or more" doc:"width times height of a frame, of the input and of the output"`
	MaxBatch        int  `yaml:"max_batch" bounds:"1..4096" doc:"frames in one gRPC request"`
	MaxMessageBytes Size `yaml:"max_message_bytes" bounds:"64KiB to 2GiB-1" doc:"bytes of one gRPC request"`
	MemoryBudget    Size `yaml:"memory_budget" bounds:"1MiB or more" doc:"bytes of all frames, JPEGs and compiled pipelines together; Go may hold an eighth and 32MiB more, or GOMEMLIMIT"`
	MemoryFloor     Size `yaml:"memory_floor" bounds:"at most limits.memory_budget" doc:"bytes of idle buffers kept through garbage collections"`
	PipelineMemory  Size `yaml:"pipeline_memory" bounds:"at most half of limits.memory_budget" doc:"the part of memory_budget for compiled pipelines, their tables and scratch, and the scratch of composed images; 0: an eighth"`
	QueueDepth      int  `yaml:"queue_depth" bounds:"0 or more" doc:"requests that wait for their turn; further ones are refused"`
	MaxRequests     int  `yaml:"max_requests" was:"limits.max_streams" bounds:"1 or more" doc:"requests and streams in flight at the same time over gRPC and HTTP"`
	MaxConnections  int  `yaml:"max_connections" bounds:"1 or more" doc:"connections open at the same time, of each listener"`

	MaxRequestsPerIdentity int `yaml:"max_requests_per_identity" bounds:"0 or more" doc:"the part of max_requests that one token of auth.tokens_file, one subject of JSON Web Tokens or one certificate may have; 0: three quarters"`

	MaxScenes   int  `yaml:"max_scenes" bounds:"1 or more" doc:"scenes that are loaded at the same time"`
	SceneMemory Size `yaml:"scene_memory" bounds:"at most limits.memory_budget" doc:"the part of memory_budget that scenes may hold, all together; 0: half"`

	FloorHalfLife Duration `yaml:"memory_floor_half_life" doc:"each time this passes, half of the idle buffers that memory_floor keeps and that were not used meanwhile are left to the collector"`

	PipelineIdle Duration `yaml:"pipeline_idle" doc:"a compiled pipeline that is not used for this long is freed; a large one sooner"`
}

// Timeouts bound how long the server waits for clients.
type Timeouts struct {
	Receive Duration `yaml:"receive" doc:"a request that has begun must send 1 MiB, or its end, within this time"`
	Send    Duration `yaml:"send" doc:"a client must read each MiB of a response, or its end, within this time"`
	Queue   Duration `yaml:"queue" doc:"the longest wait for memory or a turn, where the client sets no deadline"`
	Idle    Duration `yaml:"idle" doc:"the longest silence between two frames of a stream, or two requests of a connection"`
}

// Live bounds live streams and their viewers, and says when they end.
type Live struct {
	MaxStreams            int      `yaml:"max_streams" bounds:"1 or more" doc:"live streams at the same time"`
	MaxViewers            int      `yaml:"max_viewers" bounds:"1..30000" doc:"viewers of all live streams together"`
	MaxStreamsPerIdentity int      `yaml:"max_streams_per_identity" bounds:"0 or more" doc:"the part of max_streams whose publishers may be one token of auth.tokens_file, one subject of JSON Web Tokens or one certificate; 0: three quarters"`
	MaxViewersPerIdentity int      `yaml:"max_viewers_per_identity" bounds:"0 or more" doc:"the part of max_viewers that such an identity, or one link, may have; 0: three quarters"`
	OfflineAfter          Duration `yaml:"offline_after" doc:"a live stream without a frame for this long is offline"`
	Keep                  Duration `yaml:"keep" doc:"a live stream without source and viewers is removed after this time"`
	EncodeUnwatched       bool     `yaml:"encode_unwatched" doc:"whether to encode live streams that have no viewers"`
	Stall                 Duration `yaml:"stall" doc:"a viewer that reads nothing for this long is disconnected"`
	PinnedMemory          Size     `yaml:"pinned_memory" bounds:"at most half of limits.memory_budget" doc:"bytes of old JPEGs that only slow viewers hold; beyond it those with the oldest are disconnected; 0: a quarter of limits.memory_budget"`
	PinnedPerStream       Size     `yaml:"pinned_per_stream" bounds:"at most half of limits.memory_budget" doc:"the same of one stream; 0: half of live.pinned_memory"`
	PinnedPerViewer       Size     `yaml:"pinned_per_viewer" bounds:"at most half of limits.memory_budget" doc:"the same of one viewer; 0: a quarter of live.pinned_memory"`
}

// PinnedShares returns the bytes of old JPEGs that slow viewers may hold: all together, those of one stream, and one.
func (c Config) PinnedShares() (total, perStream, perViewer int64) {
	total = cmp.Or(int64(c.Live.PinnedMemory), int64(c.Limits.MemoryBudget)/4)
	return total, cmp.Or(int64(c.Live.PinnedPerStream), total/2), cmp.Or(int64(c.Live.PinnedPerViewer), total/4)
}

// share returns a part of whole: three quarters where it is 0.
func share(part, whole int) int { return min(cmp.Or(part, (3*whole+3)/4), whole) }

// RequestsPerIdentity returns how many requests an identity may have in flight.
func (l Limits) RequestsPerIdentity() int { return share(l.MaxRequestsPerIdentity, l.MaxRequests) }

// StreamsPerIdentity returns of how many live streams an identity may be the publisher.
func (l Live) StreamsPerIdentity() int { return share(l.MaxStreamsPerIdentity, l.MaxStreams) }

// ViewersPerIdentity returns how many viewers an identity may be.
func (l Live) ViewersPerIdentity() int { return share(l.MaxViewersPerIdentity, l.MaxViewers) }

// PipelineShare returns the bytes of the memory budget that are for compiled pipelines.
func (l Limits) PipelineShare() int64 {
	if l.PipelineMemory == 0 {
		return int64(l.MemoryBudget / 8)
	}
	return int64(l.PipelineMemory)
}

// SceneShare returns the bytes of the memory budget that scenes may hold.
func (l Limits) SceneShare() int64 {
	if l.SceneMemory == 0 {
		return int64(l.MemoryBudget / 2)
	}
	return int64(l.SceneMemory)
}

// Log is the level and format of the log.
type Log struct {
	Level  string `yaml:"level" bounds:"debug, info, warn or error" doc:"what is logged: this and what is worse"`
	Format string `yaml:"format" bounds:"text or json" doc:"of a line of the log"`
}

// Default returns the default settings.
//
// A message of 256 MiB holds 25 frames of 1080p in BGRA (207 MB), 64 of 720p in BGR (177 MB), and is half of the memory
// budget: one such request never shuts all others out. The receive timeout is below 10 s, after which a silent
// connection should be closed. A silent gRPC connection costs about 40 KB, most of it grpc-go's goroutines, so 512 of
// them cost 20 MB (TestSilentConnectionsAreCheap of package server).
func Default() Config {
	return Config{
		HTTP:  HTTP{Listen: "127.0.0.1:8080"},
		GRPC:  GRPC{Listen: "127.0.0.1:50051", Reflection: true, MaxCallsPerConnection: 256, MaxCallsPerPeer: 1500},
		Ring:  Ring{Listen: Auto},
		RTSP:  RTSP{Listen: Off, UDP: Any, MaxSessionsPerPeer: 256},
		Admin: Listener{Listen: "127.0.0.1:9090"},
		TLS:   TLS{ClientScopes: AllScopes()},
		Auth:  Auth{JWT: JWT{Claim: "scope"}},
		Limits: Limits{
			MaxPixels:       50_000_000,
			MaxBatch:        64,
			MaxMessageBytes: 256 * MiB,
			MemoryBudget:    512 * MiB,
			MemoryFloor:     64 * MiB,
			FloorHalfLife:   Duration(10 * time.Minute),
			PipelineIdle:    Duration(10 * time.Minute),
			QueueDepth:      64,
			MaxScenes:       64,
			MaxRequests:     256,
			MaxConnections:  512,
		},
		Timeout: Timeouts{
			Receive: Duration(8 * time.Second),
			Send:    Duration(10 * time.Second),
			Queue:   Duration(5 * time.Second),
			Idle:    Duration(5 * time.Minute),
		},
		Live: Live{
			MaxStreams:   64,
			MaxViewers:   1000,
			OfflineAfter: Duration(1500 * time.Millisecond),
			Keep:         Duration(time.Minute),
			Stall:        Duration(30 * time.Second),
		},
		Cluster:      Cluster{NATS: Embedded, Listen: "127.0.0.1:6222", MaxEdges: 8},
		Log:          Log{Level: "info", Format: "text"},
		DrainTimeout: Duration(20 * time.Second),
	}
}
