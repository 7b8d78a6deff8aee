"""The wire format of protocol buffers, as far as SentencePiece's model files need it.

Read and written here, since the generated classes that `sentencepiece` and `transformers` each
bring with them cannot live in one process.
"""


def fields(message: bytes):
    """Each field of a message, in order.

    Yields:
        (number, value, raw): value is an int for a varint and bytes for all else; raw is the field
        as it stood in the message.

    Raises:
        ValueError: if the bytes are no message.
    """
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _read_varint(message, place)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, place = _read_varint(message, place)
            value, place = message[place : place + size], place + size
        if place > len(message) or kind not in (0, 1, 2, 5):
            raise ValueError("`message` must be a protocol buffer.")
        yield key >> 3, value, message[start:place]


def field(number: int, content: bytes) -> bytes:
    """A field of bytes: a string or a message within the message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    """A field that holds an int >= 0, a bool or an enumerator."""
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])


def _read_varint(message, place):
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("`message` must be a protocol buffer.")
