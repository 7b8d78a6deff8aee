"""The wire format of protocol buffers."""

import pytest

from tfzoo.tokenizers import wire


@pytest.mark.parametrize("spoilt", [b"\n\x05abc", b"\n", b"\x80", b"\x0b\x0c", b"\x09\x00"])
def test_what_is_no_message_is_refused(spoilt):
    with pytest.raises(ValueError, match="protocol buffer"):
        list(wire.fields(wire.number_field(7, 1) + spoilt))


def test_messages_are_read_as_written():
    message = wire.field(1, b"\n\x00") + wire.number_field(300, 1 << 40) + wire.field(2, b"")
    found = [(number, value) for number, value, _ in wire.fields(message)]
    assert found == [(1, b"\n\x00"), (300, 1 << 40), (2, b"")]
    assert b"".join(raw for _, _, raw in wire.fields(message)) == message
