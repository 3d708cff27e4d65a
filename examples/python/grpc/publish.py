"""Publishes a live stream to a Steadyframe server over gRPC, with the stock stubs alone, and rests while nobody watches.

Make the stubs once, and start a server:

    python3 -m grpc_tools.protoc -I api --python_out=. --grpc_python_out=. api/steadyframe/v1/frame.proto
    steadyframe serve

then, and look at http://127.0.0.1:8080:

    PYTHONPATH=. python3 examples/python/grpc/publish.py [HOST:PORT [STREAM [FRAMES]]]
"""

import sys
import time

import grpc

from steadyframe.v1 import frame_pb2 as pb
from steadyframe.v1 import frame_pb2_grpc as rpc

WIDTH, HEIGHT, FPS = 640, 360, 25

# A frame of 1080p and more is above gRPC's default limit of 4 MiB a message.
OPTIONS = [("grpc.max_send_message_length", 64 << 20)]

ARGUMENTS = ["127.0.0.1:50051", "camera", "1000000"]

SPEC = pb.Spec(input=pb.FrameDesc(format=pb.PIXEL_FORMAT_RGB24, width=WIDTH, height=HEIGHT))

ROW = b"".join(bytes((x * 255 // WIDTH, 96, 160 - x * 160 // WIDTH)) for x in range(WIDTH))


def frame(n):
    """Returns frame n as bytes: colors that move. Of a numpy array of shape (HEIGHT, WIDTH, 3) it is array.tobytes()."""
    shift = 12 * n % len(ROW)
    return (ROW[shift:] + ROW[:shift]) * HEIGHT


class Producer:
    def __init__(self, stream, frames):
        self.stream, self.frames, self.viewers = stream, frames, 0

    def requests(self):
        """Yields the first request, and then frames at their time, while somebody watches."""
        yield pb.PublishRequest(stream=self.stream, spec=SPEC, max_fps=FPS)
        sent, due = 0, time.monotonic()
        while sent < self.frames:
            due = max(due + 1 / FPS, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))
            if self.viewers == 0:
                yield pb.PublishRequest()  # a sign of life
                continue
            yield pb.PublishRequest(captured_us=time.time_ns() // 1000, frames=[frame(sent)])
            sent += 1


def main():
    address, stream, frames = sys.argv[1:] + ARGUMENTS[len(sys.argv) - 1 :]
    producer = Producer(stream, int(frames))
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        for status in rpc.FrameServiceStub(channel).Publish(producer.requests()):
            if status.viewers != producer.viewers:
                print(f"{status.viewers} viewers", flush=True)
            producer.viewers = status.viewers
    print(f"{status.arrived} frames, {status.published} images")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as e:
        sys.exit(f"{e.code().name}: {e.details()}")
