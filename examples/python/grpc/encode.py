"""Sends raw frames to a Steadyframe server over gRPC, with nothing but the stock stubs, and writes the JPEGs.

Make the stubs once, and start a server:

    python3 -m grpc_tools.protoc -I api --python_out=. --grpc_python_out=. api/steadyframe/v1/frame.proto
    steadyframe serve

then:

    PYTHONPATH=. python3 examples/python/grpc/encode.py [HOST:PORT [gzip]]

With gzip the request is compressed, which helps on slow networks alone.
"""

import sys

import grpc

from steadyframe.v1 import frame_pb2 as pb
from steadyframe.v1 import frame_pb2_grpc as rpc

WIDTH, HEIGHT, FRAMES = 640, 360, 25

# A batch of 25 frames is 17 MB, above gRPC's default limit of 4 MiB a message.
OPTIONS = [("grpc.max_send_message_length", 64 << 20), ("grpc.max_receive_message_length", 64 << 20)]

SPEC = pb.Spec(
    input=pb.FrameDesc(format=pb.PIXEL_FORMAT_BGR24, width=WIDTH, height=HEIGHT),
    resize=pb.Resize(width=320, height=320),
    output=pb.Output(quality=75),
)


def frame(n):
    """Returns frame n as bytes: blue from left to right, red brighter from frame to frame. numpy's tobytes() does as well."""
    row = b"".join(bytes((x * 255 // WIDTH, 64, n * 255 // FRAMES)) for x in range(WIDTH))
    return row * HEIGHT


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
    compression = grpc.Compression.Gzip if sys.argv[2:] == ["gzip"] else grpc.Compression.NoCompression
    with grpc.insecure_channel(address, options=OPTIONS, compression=compression) as channel:
        request = pb.EncodeRequest(spec=SPEC, frames=[frame(n) for n in range(FRAMES)])
        response = rpc.FrameServiceStub(channel).Encode(request, timeout=60)
    for n, image in enumerate(response.pictures):
        if image.code:
            sys.exit(f"frame {n}: {image.message}")
        with open(f"frame-{n:06}.jpg", "wb") as out:
            out.write(image.data)
    print(f"{len(response.pictures)} images")


if __name__ == "__main__":
    main()
