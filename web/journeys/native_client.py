"""A LiveKit client that shares no line with ours or with a browser: PyPI's `livekit`, native WebRTC.

It joins with the address and token it is given, sends a moving picture and a tone, counts what comes in,
and says every half second on one line of JSON what it has seen so far. It ends when its input ends.

    native_client.py ADDRESS TOKEN one|two [VP8|H264|VP9|AV1]      (peer connections, codec of its picture)
"""

import asyncio
import json
import math
import sys

import numpy
from livekit import rtc

WIDTH, HEIGHT, PICTURES = 320, 240, 15
RATE = 48_000
PIECE = RATE // 100


class Seen:
    """What has come in."""

    def __init__(self) -> None:
        self.frames = self.samples = self.reconnected = 0
        self.width = 0
        self.light = 0.0
        self.energy = 0.0
        self.state = "connecting"
        self.reason = ""
        self.people: dict[str, str] = {}
        self.packets: list[str] = []

    def line(self) -> str:
        return json.dumps(self.__dict__)


async def watch(track: rtc.Track, seen: Seen) -> None:
    stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)
    async for event in stream:
        frame = event.frame
        seen.frames += 1
        seen.width = frame.width
        pixels = numpy.frombuffer(frame.data, dtype=numpy.uint8)[::97]
        seen.light = max(seen.light, float(pixels.std()))


async def listen(track: rtc.Track, seen: Seen) -> None:
    stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
    async for event in stream:
        sound = numpy.frombuffer(event.frame.data, dtype=numpy.int16).astype(numpy.float64) / 32_768
        seen.samples += len(sound)
        seen.energy += float((sound * sound).sum())


async def film(source: rtc.VideoSource) -> None:
    across = numpy.arange(WIDTH)
    for number in range(1_000_000):
        picture = numpy.zeros((HEIGHT, WIDTH, 4), dtype=numpy.uint8)
        picture[:, :, 0] = (across + number * 4) % 256
        picture[:, :, 1] = 128
        picture[:, :, 3] = 255
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, picture.tobytes()))
        await asyncio.sleep(1 / PICTURES)


async def hum(source: rtc.AudioSource) -> None:
    at = 0
    while True:
        wave = [int(8_000 * math.sin((at + index) * 440 * 2 * math.pi / RATE)) for index in range(PIECE)]
        at += PIECE
        sound = numpy.array(wave, dtype=numpy.int16).tobytes()
        await source.capture_frame(rtc.AudioFrame(sound, RATE, 1, PIECE))


async def publish(room: rtc.Room, codec: str) -> list[asyncio.Task]:
    picture, sound = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE, 1)
    camera = rtc.LocalVideoTrack.create_video_track("camera", picture)
    microphone = rtc.LocalAudioTrack.create_audio_track("microphone", sound)
    tasks = [asyncio.create_task(film(picture)), asyncio.create_task(hum(sound))]
    await room.local_participant.publish_track(
        microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    )
    await room.local_participant.publish_track(
        camera,
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, video_codec=rtc.VideoCodec.Value(codec)),
    )
    return tasks


async def main(address: str, token: str, connections: str, codec: str = "VP8") -> None:
    seen, tasks = Seen(), []
    room = rtc.Room()

    @room.on("track_subscribed")
    def _(track: rtc.Track, publication: rtc.RemoteTrackPublication, person: rtc.RemoteParticipant) -> None:
        seen.people[person.identity] = person.name
        taken = watch if track.kind == rtc.TrackKind.KIND_VIDEO else listen
        tasks.append(asyncio.create_task(taken(track, seen)))

    @room.on("data_received")
    def _(packet: rtc.DataPacket) -> None:
        if packet.participant is None:
            seen.packets.append(f"{packet.topic} {packet.data.decode()}")

    @room.on("reconnected")
    def _() -> None:
        seen.reconnected += 1

    @room.on("disconnected")
    def _(reason: object) -> None:
        seen.state, seen.reason = "disconnected", str(reason)

    await room.connect(address, token, rtc.RoomOptions(single_peer_connection=connections == "one"))
    seen.state = "connected"
    tasks += await publish(room, codec)
    seen.state = "publishing"
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not ended.done():
        print(seen.line(), flush=True)
        await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
