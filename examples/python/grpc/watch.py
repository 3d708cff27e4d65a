"""Watches a live stream of a Steadyframe server over gRPC, with the stock stubs alone, and keeps the newest image in a file.

Make the stubs once, as encode.py tells, then:

    PYTHONPATH=. python3 examples/python/grpc/watch.py [HOST:PORT [STREAM [IMAGES]]]
"""

import queue
import sys
import time

import grpc

from steadyframe.v1 import frame_pb2 as pb
from steadyframe.v1 import frame_pb2_grpc as rpc

OPTIONS = [("grpc.max_receive_message_length", 64 << 20)]

ARGUMENTS = ["127.0.0.1:50051", "camera", "1000000"]


def watch(stub, stream):
    """Yields images, each the newest when the one before was done with, however long that took."""
    requests = queue.SimpleQueue()
    requests.put(pb.WatchRequest(stream=stream, pictures=1))
    call = stub.Watch(iter(requests.get, None))
    try:
        for image in call:
            yield image
            requests.put(pb.WatchRequest(pictures=1))
    finally:
        requests.put(None)
        call.cancel()


def main():
    address, stream, images = sys.argv[1:] + ARGUMENTS[len(sys.argv) - 1 :]
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        for n, image in enumerate(watch(rpc.FrameServiceStub(channel), stream), 1):
            # cv2.imdecode(numpy.frombuffer(image.data, numpy.uint8), cv2.IMREAD_COLOR) is what OpenCV wants.
            with open(f"{stream}.jpg", "wb") as out:
                out.write(image.data)
            lag = time.time_ns() // 1000 - image.captured_us
            state = "offline" if image.offline else f"{lag / 1000:.1f} ms old"
            print(f"image {image.seq}: {image.width}x{image.height}, {state}", flush=True)
            if n == int(images):
                break


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as e:
        sys.exit(f"{e.code().name}: {e.details()}")
