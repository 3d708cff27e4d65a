"""A head that talks: its mouth moves to a sound, over backgrounds that the server has.

    PYTHONPATH=clients/python python3 examples/python/avatar.py [STREAM [IMAGES [SOUND]]]

SOUND is any file that ffmpeg reads; without one, it is made in code. Start a server before (`steadyframe serve`, or `make run`).
The functions below main stand for a person who was recorded, a model, and speech.
"""

import subprocess
import sys
import time

import cv2
import numpy as np

import steadyframe as sf

FPS = 25
RATE = 16000  # of the sound, samples a second
PIECE = RATE // FPS  # samples that belong to an image
WIDTH, HEIGHT = 640, 360
BACKGROUNDS = 2 * FPS  # shown in a loop
PLACE, REGION = 128, 96  # sides of the mouth's place on a background, and of what is sent for it


def main(stream="avatar", images="1000000", sound=None):
    # 1. From here on the server has every background as a JPEG.
    scene = sf.Scene.load(
        stream, (draw(n) for n in range(BACKGROUNDS)), rects=[place(n) for n in range(BACKGROUNDS)],
        mask={"feather": 14}, walk="loop", quality=85, color="rgb",
    )  # fmt: skip

    # 2. A window of features for each image. The last ones of speech reach into the silence behind it.
    pcm = speech() if sound is None else read_sound(sound)
    pcm = np.pad(pcm, (0, 13 * PIECE - len(pcm) % PIECE)).reshape(-1, PIECE)
    windows = sf.mel(pcm.ravel(), "wav2lip", fps=FPS, window=16)  # (images, 80, 16)
    mouths = [mouth_of(window) for window in windows] + [None] * (len(pcm) - len(windows))

    # 3. A piece of sound and an image belong together: send both when they are due, with their time.
    talking, begin = 0, time.time()
    with sf.Publisher(stream, scene=scene, shape=(REGION, REGION, 3), color="rgb") as cam:
        print(f"look at {cam.url}, or, with sound, at the page of the server", flush=True)
        for n in range(int(images)):
            due = begin + n / FPS
            time.sleep(max(0, due - time.time()))
            i = n % len(pcm)
            cam.sound(pcm[i], rate=RATE, time=due)
            if mouths[i]:
                cam.send(draw_mouth(n, *mouths[i]), index=n, time=due)
                talking += 1
            else:
                cam.send(index=n, time=due)  # the background alone
        print(f"{images} images, {talking} of them with a region")


def mouth_of(window):
    """Returns how far a window of features opens the mouth, 0..1, and how wide it is, -1..1; None for a closed one. It stands for
    a model. What is loud between 200 and 4,000 Hz opens the mouth (1 of a feature is 12.5 dB), and what is bright makes it wide."""
    now = window[:, :4]  # 50 of the window's 200 ms: more would see what comes after the image
    low, high = now[4:25].mean(), now[25:60].mean()
    opened = np.clip(((low + high) / 2 + 1.6) / 1.5, 0, 1)
    return (opened, np.clip((high - low) / 0.7, -1, 1)) if opened > 0 else None


def sway(n):
    """Returns where the middle of the head of background n is."""
    phase = 2 * np.pi * n / BACKGROUNDS
    return WIDTH / 2 + 9 * np.sin(phase), 160 + 1.5 * np.sin(2 * phase)


def place(n):
    """Returns (x, y, width, height) of the place of background n. The mouth is in its middle."""
    x, y = sway(n)
    return int(x) - PLACE // 2, int(y) + 62 - PLACE // 2, PLACE, PLACE


def draw_mouth(n, opened, wide):
    """Returns the region for background n."""
    x, y, _, _ = place(n)
    return draw(n, opened, wide, (REGION, REGION), (x, y), PLACE / REGION)


def draw(n, opened=0.0, wide=0.0, size=(WIDTH, HEIGHT), corner=(0, 0), scale=1.0):
    """Returns background n with a mouth as RGB, or a part of it: size pixels from that corner, each scale of the background's wide."""
    image = np.zeros((size[1], size[0], 3), np.uint8)

    def ellipse(x, y, rx, ry, *ink):
        center, axes = ((x - corner[0]) / scale - 0.5, (y - corner[1]) / scale - 0.5), (rx / scale, ry / scale)
        if min(axes) > 0.1:
            sixteenths = [[round(16 * v) for v in pair] for pair in (center, axes)]
            cv2.ellipse(image, *sixteenths, 0, 0, 360, ink, cv2.FILLED, cv2.LINE_AA, shift=4)

    x, y = sway(n)
    phase = 2 * np.pi * n / BACKGROUNDS
    skin, shade, hair = (231, 180, 148), (206, 146, 117), (62, 41, 35)
    image[:] = 38, 66, 84
    for i in range(7):  # lights out of focus
        ellipse(50 + 90 * i + 12 * np.sin(phase + i), 90 + 60 * np.sin(2.4 * i), 22 + 3 * i, 22 + 3 * i, 58 + 6 * i, 92 + 4 * i, 104 - 5 * i)
    ellipse(x, y - 22, 99, 112, *hair)
    ellipse(WIDTH / 2, HEIGHT + 60, 200, 125, 178, 72, 66)  # shoulders
    ellipse(x, y + 118, 36, 60, *shade)  # neck
    ellipse(x, y + 8, 98, 24, *shade)  # ears
    ellipse(x, y + 4, 84, 112, *skin)
    ellipse(x, y - 82, 80, 38, *hair)
    lid = 10 * min(1, 14 * abs(np.sin(phase / 2 - 0.6)))  # they blink once in a loop
    for eye in (x - 34, x + 34):
        ellipse(eye, y - 30, 19, 4, *hair)
        ellipse(eye, y - 8, 14, lid, 250, 248, 244)
        ellipse(eye, y - 8, min(7, lid), min(7, lid), 63, 106, 94)
        ellipse(eye, y - 8, min(3, lid), min(3, lid), 20, 22, 24)
    ellipse(x, y + 22, 9, 15, *shade)  # nose
    ellipse(x, y + 18, 8, 15, *skin)
    w, h = 27 + 5 * wide * opened, 17 * opened
    ellipse(x, y + 62 + h / 2, w, 6 + h, 178, 82, 80)  # lips
    ellipse(x, y + 62 + h / 2, w - 5, 1 + h, 74, 26, 30)
    ellipse(x, y + 62 - h / 4, 0.7 * w, 0.25 * h, 246, 242, 234)  # teeth
    ellipse(x, y + 62 + 1.1 * h, 0.55 * w, 0.35 * h, 196, 96, 98)
    return image


def speech():
    """Returns sound like speech: two sentences of vowels, each with silence behind it."""
    vowels = [(730, 1090), (270, 2290), (300, 870), (530, 1840), (570, 840)]  # formants of a, i, u, e, o, in Hz (Peterson and Barney, 1952)
    pieces = []
    t = np.arange(RATE // 5) / RATE
    for syllables in (9, 5):
        for i in range(syllables):
            pitch = 150 - 30 * i / syllables  # it falls, as in a statement
            harmonics = np.arange(pitch, 4000, pitch)[:, None]
            loud = 0.02 + sum(1 / (1 + ((harmonics - formant) / 80) ** 2) for formant in vowels[(3 * i + syllables) % 5])
            voice = (loud * np.sin(2 * np.pi * harmonics * t)).sum(axis=0)
            pieces.append(8000 * np.sin(np.pi * 5 * t) ** 2 * voice)
        pieces.append(np.zeros(30 * PIECE))
    return np.concatenate(pieces).astype(np.int16)


def read_sound(path):
    """Returns the sound of any file that ffmpeg reads: int16, one channel."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout, np.int16)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (sf.Error, subprocess.CalledProcessError) as err:
        sys.exit(str(err))
