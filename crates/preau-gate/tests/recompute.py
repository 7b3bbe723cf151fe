"""Recomputes what the gate signs and draws, from the documented layouts and nothing else.

Reads one JSON object a line: {"kind": ..., ...}. Answers each with one JSON value a line: what this
program comes to by itself. It shares no code with the engine; hashes are Python's own.
"""

import base64
import hashlib
import hmac
import json
import struct
import sys

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def derived(secret, purpose, period):
    return mac(secret, b"preau gate v1 ", purpose, struct.pack(">I", period))


def text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(encoded):
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def seed(secret, slot):
    return mac(derived(secret, b"draw", slot // 86400), struct.pack(">I", slot))


def draw(secret, slot, device):
    return int.from_bytes(mac(seed(secret, slot), device)[:4], "big")


def read_ticket(secret, encoded):
    """The fields of a ticket, or why it is none."""
    body = raw(encoded)
    if len(body) != 48:
        return "length"
    issued = int.from_bytes(body[12:20], "big")
    day = issued // 86_400_000
    code = mac(derived(secret, b"ticket", day), body[:32])[:16]
    if day & 3 != body[2] & 3 or not hmac.compare_digest(code, body[32:]):
        return "forged"
    rank = int.from_bytes(body[4:12], "big")
    return {
        "version": body[0],
        "lane": body[1],
        "drawn_at_bell": bool(body[2] & 4),
        "planned": bool(body[2] & 8),
        "paid": bool(body[2] & 16),
        "slot": rank >> 32,
        "draw": rank & 0xFFFFFFFF,
        "issued": issued,
        "device": body[20:32].hex(),
    }


def seal_ticket(secret, fields):
    """The ticket that has these fields."""
    flags = 4 * fields["drawn_at_bell"] | 8 * fields["planned"] | 16 * fields["paid"]
    day = fields["issued"] // 86_400_000
    body = struct.pack(
        ">BBBBQQ",
        fields["version"],
        fields["lane"],
        flags | (day & 3),
        0,
        fields["slot"] << 32 | fields["draw"],
        fields["issued"],
    ) + bytes.fromhex(fields["device"])
    return text(body + mac(derived(secret, b"ticket", day), body)[:16])


def plan(secret, lessons, begins, first, last):
    """Start-time fair queuing over schools: the lessons in order, each with the second it opens."""
    bell = seed(secret, begins)

    def number(kind, of):
        return int.from_bytes(mac(bell, kind, struct.pack(">Q", of))[:8], "big")

    schools = {}
    for lesson in lessons:
        schools.setdefault((not lesson["exam"], lesson["school"]), []).append(lesson)
    order = []
    for (later, school), own in schools.items():
        weight = sum(lesson["people"] + 1 for lesson in own)
        own = sorted(own, key=lambda lesson: (number(b"lesson", lesson["id"]), lesson["id"]))
        done = 0
        for lesson in own:
            start = (done << 32) // weight
            order.append(((later, start, number(b"school", school), school), lesson))
            done += lesson["people"] + 1
    order.sort(key=lambda entry: entry[0])
    people = max(1, sum(lesson["people"] for lesson in lessons))
    before = 0
    opens = {}
    for _, lesson in order:
        slot = first if lesson["exam"] else first + (last - first) * before // people
        before += lesson["people"]
        opens[str(lesson["id"])] = slot
    return opens


def class_code(secret, lesson, day):
    part = lesson & 0xFFFFF
    code = mac(derived(secret, b"class code", day), struct.pack(">Q", part))[:5]
    value = part << 40 | int.from_bytes(code, "big")
    letters = [LETTERS[value >> 5 * (11 - at) & 31] for at in range(12)]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))


def prove(challenge):
    """Answers a challenge as a browser would."""
    body = raw(challenge)
    bits, nonce = body[1], 0
    while int.from_bytes(hashlib.sha256(body[8:] + struct.pack(">Q", nonce)).digest(), "big") >> (256 - bits):
        nonce += 1
    return text(body[:6] + b"\0" + struct.pack(">Q", nonce))


def answer(ask):
    secret = bytes.fromhex(ask["secret"])
    kind = ask["kind"]
    if kind == "ticket":
        return read_ticket(secret, ask["text"])
    if kind == "seal":
        return seal_ticket(secret, ask["fields"])
    if kind == "draw":
        return draw(secret, ask["slot"], bytes.fromhex(ask["device"]))
    if kind == "commitment":
        return hashlib.sha256(seed(secret, ask["slot"])).hexdigest()
    if kind == "plan":
        return plan(secret, ask["lessons"], ask["begins"], ask["first"], ask["last"])
    if kind == "code":
        return class_code(secret, ask["lesson"], ask["day"])
    if kind == "prove":
        return prove(ask["challenge"])
    raise ValueError(kind)


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
